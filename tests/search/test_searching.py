from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prismd import chunk
from prismd.domain import GOOD_ENOUGH, Explanation, Filters, Hit, Page, Passage, TextLocator
from prismd.errors import ModelError, RequestError
from prismd.layout import pack
from prismd.models.fake import FakeEmbedder, FakeReranker
from prismd.search.fusion import Ranked, Retriever, collapse, fuse, level, rerank
from prismd.search.searching import Search, SearchSettings
from prismd.store import documents, files
from prismd.store.database import Database
from prismd.store.documents import IndexedPassage
from tests.building import document, entry, put

EMBEDDER = FakeEmbedder()


@pytest.fixture
def database(data_dir: Path):  # type: ignore[no-untyped-def]
    made = Database(data_dir)
    put(
        made, "/d/sea/walrus.txt", "The walrus is a large marine mammal with tusks.", title="Walrus"
    )
    put(made, "/d/sea/seal.txt", "The seal is a small marine mammal without tusks.")
    put(made, "/d/land/fox.txt", "The fox is a clever animal of the woods.", language="de")
    put(made, "/d/code.py", "def swim_fast(): return walrus_speed * 2", embedder=EMBEDDER)
    yield made
    made.close()


class Down(FakeEmbedder):
    def embed_query(self, text: str) -> NDArray[np.float32]:
        raise ModelError("the model fell over; try again")


class DownReranker(FakeReranker):
    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        raise ModelError("the model fell over; try again")


def search(database: Database, **settings: object) -> Search:
    return Search(database, EMBEDDER, FakeReranker(), SearchSettings(**settings))  # type: ignore[arg-type]


def names(found: Sequence[Hit]) -> list[str]:
    return [Path(hit.path).name for hit in found]


def test_the_passage_that_answers_comes_first(database: Database) -> None:
    found = search(database).search("marine mammal with tusks")
    assert names(found.hits)[:2] == ["walrus.txt", "seal.txt"]
    assert found.query == "marine mammal with tusks"
    assert {"embed", "retrieve", "fuse", "rerank"} <= set(found.timings_ms)
    assert found.warnings == ()


def test_each_way_to_find_tells_its_time(database: Database) -> None:
    took_ms = search(database).search("marine mammal with tusks").timings_ms
    parts = {name for name in took_ms if name.startswith("retrieve.")}
    assert {"retrieve.words", "retrieve.vectors", "retrieve.names", "retrieve.hits"} <= parts
    assert sum(took_ms[name] for name in parts) <= took_ms["retrieve"] + 0.1 * len(parts)


def test_what_no_file_holds_any_more_takes_no_place_from_others(database: Database) -> None:
    gone = [put(database, f"/gone/{n}.txt", f"The walrus, the walrus. {n}") for n in range(3)]
    database.write(lambda c: files.remove(c, gone))
    found = search(database, candidates=3, rerank="never").search("walrus")
    assert names(found.hits)[0] == "walrus.txt"
    assert not any(hit.path.startswith("/gone/") for hit in found.hits)


def test_hits_explain_themselves(database: Database) -> None:
    (first, *_) = search(database).search("walrus tusks").hits
    assert first.explanation.lexical_rank == 1
    assert first.explanation.lexical_score is not None
    assert first.explanation.vector_rank is not None
    assert first.explanation.rerank_score is not None
    assert first.explanation.fused_score > 0


def test_scores_fall_and_similarities_lie_between_nothing_and_one(database: Database) -> None:
    for reranking in ("always", "never"):
        hits = search(database, rerank=reranking).search("the marine mammal fox").hits
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert all(0.0 <= hit.similarity <= 1.0 for hit in hits)
        assert len({hit.passage_id for hit in hits}) == len(hits)


def test_what_is_written_in_the_query_narrows_it(database: Database) -> None:
    found = search(database).search("folder:sea tusks")
    assert set(names(found.hits)) == {"walrus.txt", "seal.txt"}
    assert found.query == "tusks"
    assert found.filters == Filters(folder=("sea",))
    with pytest.raises(RequestError):
        search(database).search("after:2024-99-99 tusks")


def test_an_empty_query_finds_nothing(database: Database) -> None:
    for query in ("", "  ", "folder:sea", "???"):
        assert search(database, rerank="always").search(query, limit=3).hits == () or query == "???"


@pytest.mark.parametrize("limit", [0, 1, 2, 100])
def test_no_more_hits_than_asked_for(database: Database, limit: int) -> None:
    assert len(search(database).search("the", limit=limit).hits) <= limit


def test_what_is_less_similar_than_wanted_is_not_found(database: Database) -> None:
    found = search(database).search("marine mammal with tusks").hits
    least = found[1].similarity
    filters = Filters(least_similarity=least)
    narrowed = search(database).search("marine mammal with tusks", filters=filters).hits
    assert names(narrowed) == [name for name, hit in zip(names(found), found, strict=True)
                               if hit.similarity >= least]  # fmt: skip
    assert 0 < len(narrowed) < len(found)


def test_without_an_embedder_words_are_enough(database: Database) -> None:
    found = Search(database, None, None, SearchSettings()).search("walrus")
    assert names(found.hits) == ["walrus.txt", "code.py"] or names(found.hits) == ["walrus.txt"]
    assert found.hits[0].similarity == 1.0
    assert found.by_words_alone
    assert found.warnings == ()  # nobody wants one


def test_an_embedder_that_is_wanted_and_not_there_is_told_of_each_search(
    database: Database,
) -> None:
    why = "bge is not installed; run `prismd models pull bge`"
    made = Search(database, None, None, SearchSettings(), without_meaning=lambda: why)
    told = (f"searched by words alone, not by meaning: {why}",)
    assert made.search("walrus").warnings == told
    assert made.search("nothing is found by this").warnings == told
    filtered = made.search("type:text")  # which asks for no words
    assert (filtered.warnings, filtered.by_words_alone) == ((), False)


def test_a_filter_that_is_none_is_told(database: Database) -> None:
    found = search(database).search("type:walruses walrus")
    assert names(found.hits)[0] == "walrus.txt"
    (told,) = found.warnings
    assert told.startswith("type:walruses: was looked for as a word")


def test_a_model_that_fails_is_told_and_words_are_searched(database: Database) -> None:
    found = Search(database, Down(), DownReranker(), SearchSettings()).search("walrus tusks")
    assert names(found.hits)[0] == "walrus.txt"
    assert "words alone" in found.warnings[0]
    assert found.by_words_alone


def test_vectors_of_another_model_are_not_compared(database: Database) -> None:
    other = FakeEmbedder(name="other", dim=32)
    found = Search(database, other, None, SearchSettings()).search("walrus")
    assert names(found.hits)[0] == "walrus.txt"
    assert all(hit.explanation.vector_rank is None for hit in found.hits)
    assert found.compared == frozenset()


def test_an_index_of_another_model_is_told(database: Database) -> None:
    other = FakeEmbedder(name="other")  # as many dimensions: only the space tells them apart
    found = Search(database, other, None, SearchSettings()).search("walrus")
    assert "prismd reindex --stale" in found.warnings[0]
    assert "other" in found.warnings[0]
    assert found.compared == frozenset()
    assert found.by_words_alone
    whole = search(database).search("walrus")
    assert (whole.warnings, whole.by_words_alone) == ((), False)


class Counting(FakeReranker):
    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.longest = len(query)
        return super().score(query, texts)


def test_of_a_huge_query_only_the_beginning_is_read(database: Database) -> None:
    reranker = Counting()
    made = Search(database, EMBEDDER, reranker, SearchSettings(rerank="always"))
    assert names(made.search("walrus tusks " + "x" * 1_000_000).hits)[0] == "walrus.txt"
    assert reranker.longest == 8_000


def test_no_weight_at_all_is_no_crash(database: Database) -> None:
    nothing = SearchSettings(lexical_weight=0, substring_weight=0, vector_weight=0)
    found = Search(database, None, None, nothing).search("walrus")
    assert all(0.0 <= hit.similarity <= 1.0 for hit in found.hits)


def test_what_is_removed_is_not_found_even_by_its_vector(database: Database) -> None:
    file_id = database.read(
        lambda c: c.execute("SELECT id FROM files WHERE path LIKE '%walrus.txt'").get
    )
    database.write(lambda c: files.remove(c, [file_id]))
    assert "walrus.txt" not in names(search(database).search("walrus tusks").hits)


def test_a_passage_that_waits_for_its_vector_is_found_by_its_words(database: Database) -> None:
    put(database, "/d/new.txt", "The narwhal has one tusk.")
    for reranking in ("always", "never"):
        found = search(database, rerank=reranking).search("narwhal")
        assert names(found.hits)[0] == "new.txt"


def test_the_same_words_are_told_once(database: Database) -> None:
    put(database, "/d/copy.txt", "The walrus is a large marine  mammal\nwith tusks.")
    texts = [" ".join(h.passage.text.split()) for h in search(database).search("walrus").hits]
    assert len(texts) == len(set(texts))


def test_a_lone_hit_has_the_rerankers_score_too(database: Database) -> None:
    (found,) = search(database).search("path:*/walrus.txt marine mammal").hits
    assert found.explanation.rerank_score is not None


def test_what_waits_for_its_vector_is_raised_and_the_rest_keeps_its_order() -> None:
    hits = [msgspec.structs.replace(hit(n), score=score) for n, score in ((1, 0.09), (2, 0.06))]
    settings = SearchSettings()
    assert [h.passage_id for h in level(hits, {1, 2}, settings, 1.0)] == [1, 2]
    assert [h.passage_id for h in level(hits, {1}, settings, 1.0)] == [2, 1]
    assert [h.passage_id for h in level(hits, {1}, settings, 0.0)] == [1, 2]


# Pure


def hit(passage_id: int, text: str = "") -> Hit:
    passage = Passage(0, 0, 1, text or f"text {passage_id}", (), TextLocator(1, 1, 0, 1), 10)
    return Hit(passage_id, 1, 1, "/p", "s", "text", "text/plain", "", "", 0.0, passage, 0.0, 0.0)


RANKED = st.lists(st.integers(1, 30), unique=True, max_size=20).map(
    lambda ids: [(id_, 1.0 / n) for n, id_ in enumerate(ids, 1)]
)


@settings(max_examples=100)
@given(RANKED, RANKED, RANKED)
def test_fusion_orders_by_reciprocal_ranks(words, substrings, nearest) -> None:  # type: ignore[no-untyped-def]
    hits = {n: hit(n) for n in range(1, 31)}
    chosen = SearchSettings(rrf_k=60, lexical_weight=1.0, substring_weight=0.5, vector_weight=0.25)
    lists: dict[Retriever, Ranked] = {
        "lexical": words,
        "substring": substrings,
        "vector": nearest,
    }
    found = fuse(lists, hits, chosen)
    expected: dict[int, float] = {}
    for ranked, weight in ((words, 1.0), (substrings, 0.5), (nearest, 0.25)):
        for rank, (id_, _) in enumerate(ranked, 1):
            expected[id_] = expected.get(id_, 0.0) + weight / (60 + rank)
    assert {h.passage_id: h.score for h in found} == pytest.approx(expected)
    keys = [(-h.score, h.passage_id) for h in found]
    assert keys == sorted(keys)


def test_reranking_orders_its_head_and_leaves_the_tail_below() -> None:
    hits = [msgspec.structs.replace(hit(n), score=0.1 / n) for n in range(1, 6)]
    found = rerank(hits, np.array([0.1, 3.0, 2.0], np.float32), SearchSettings(rerank_weight=1.0))
    assert [h.passage_id for h in found] == [2, 3, 1, 4, 5]
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    assert [h.explanation.rerank_score for h in found] == pytest.approx([3.0, 2.0, 0.1, None, None])
    kept = rerank(hits, np.array([0.1, 3.0, 2.0], np.float32), SearchSettings(rerank_weight=0.0))
    assert [h.passage_id for h in kept] == [1, 2, 3, 4, 5]


def test_collapsing_keeps_the_first_of_equals() -> None:
    texts = ["a b", "a  b", "a c", "A b.", "“A, b!”", "a + b", "a - b", "a 1.5", "a 15"]
    hits = [hit(number, text) for number, text in enumerate(texts, 1)]
    assert [h.passage_id for h in collapse(hits)] == [1, 3, 6, 7, 8, 9]


def test_what_has_no_text_keeps_its_place_when_the_rest_is_reranked() -> None:
    hits = [msgspec.structs.replace(hit(n), score=0.1 / n) for n in range(1, 5)]
    scores = np.array([0.1, np.nan, 3.0, 2.0], np.float32)
    found = rerank(hits, scores, SearchSettings(rerank_weight=1.0))
    assert [h.passage_id for h in found] == [3, 2, 4, 1]
    assert [h.explanation.rerank_score is None for h in found] == [False, True, False, False]


def test_the_same_words_in_another_kind_of_file_are_another_source() -> None:
    letter = hit(1, "The rent is 900 euros.")
    copy = hit(2, "the rent is  900 euros")
    photo = msgspec.structs.replace(hit(3, "The rent is 900 euros."), type="image")
    assert [h.passage_id for h in collapse([letter, copy, photo])] == [1, 3]


def test_pictures_without_words_are_not_taken_for_one() -> None:
    pictures = [
        msgspec.structs.replace(
            hit(n),
            document_id=n,
            type="image",
            passage=msgspec.structs.replace(hit(n).passage, text=""),
        )
        for n in (1, 2)
    ]
    assert len(collapse(pictures)) == 2


def as_such(passage_id: int, **explained: float) -> Hit:
    return msgspec.structs.replace(
        hit(passage_id),
        type="image",
        passage=msgspec.structs.replace(hit(passage_id).passage, text=""),
        similarity=GOOD_ENOUGH,
        explanation=Explanation(**explained),  # type: ignore[arg-type]
    )


def test_what_is_called_what_is_asked_is_second_at_the_latest() -> None:
    everywhere: Ranked = [(n, 1.0 / n) for n in range(1, 20)]
    lists: dict[Retriever, Ranked] = {
        "lexical": everywhere,
        "vector": everywhere,
        "name": [(99, 1.0), (98, 1.0), (97, 0.75)],
    }
    hits = {n: hit(n) for n in range(1, 20)} | {n: as_such(n) for n in (97, 98, 99)}
    found = fuse(lists, hits, SearchSettings())
    assert 99 in [h.passage_id for h in found[:2]]
    assert 97 not in [h.passage_id for h in found[:5]]
    for scores in ([9.0, np.nan, 8.0, 7.0], [-11.0, np.nan, 8.0, 7.0]):
        head = [hit(1), as_such(2, name_rank=1, name_score=1.0), hit(3), hit(4)]
        reranked = rerank(head, np.array(scores, np.float32), SearchSettings(rerank_weight=1.0))
        assert 2 in [h.passage_id for h in reranked[:2]]


def test_pictures_that_are_surely_meant_come_before_what_answers_nothing() -> None:
    named = as_such(4, name_rank=1, name_score=1.0)
    doubtful = msgspec.structs.replace(as_such(6, name_rank=4), similarity=GOOD_ENOUGH - 0.1)
    head = [hit(1), hit(2), hit(3), named, as_such(5, image_rank=1), doubtful]
    scores = np.array([-11.0, 4.0, -9.0, np.nan, np.nan, np.nan], np.float32)
    found = rerank(head, scores, SearchSettings())
    assert [h.passage_id for h in found][:3] == [2, 4, 5]
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    assert {h.passage_id for h in found[3:]} == {1, 3, 6}
    assert found[-1].passage_id == 6


def test_a_picture_whose_name_says_some_of_it_jumps_over_nothing() -> None:
    head = [*(hit(n) for n in range(1, 7)), as_such(7, image_rank=1, name_rank=40, name_score=0.5)]
    scores = np.array([5.0, 4.5, 4.0, 3.5, 3.0, 2.5, np.nan], np.float32)
    found = rerank(head, scores, SearchSettings())
    assert [h.passage_id for h in found] == [1, 2, 3, 4, 5, 6, 7]


def add_picture(database: Database, path: str) -> None:
    """Index a picture without words, as the extractor of images leaves it."""
    made, _ = document(path, type_="image")
    layout = pack("image", [], [], [], [Page(1, 0, 0, 320.0, 200.0)])
    made = msgspec.structs.replace(
        made, extraction=msgspec.structs.replace(made.extraction, text="", blocks=(), layout=layout)
    )
    (whole,) = chunk.with_whole([], layout)

    def work(connection: apsw.Connection) -> None:
        files.add(connection, None, [entry(path, path)])
        file_id = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).get
        passages = [IndexedPassage(whole, "", b"")]
        files.attach(
            connection, file_id, documents.replace(connection, made, passages, None), made.sha256
        )

    database.write(work)


def test_a_picture_is_found_by_what_it_is_called_among_noise(database: Database) -> None:
    for number in range(12):
        text = f"Where is my copy of the novel, chapter {number}? The harbour of words."
        put(database, f"/d/novel {number}.txt", text, embedder=EMBEDDER)
    add_picture(database, "/d/pictures/harbour_sunset.jpg")
    for reranked in ("never", "auto"):
        found = search(database, rerank=reranked).search(
            "Where is my picture of the harbour sunset"
        )
        assert "harbour_sunset.jpg" in names(found.hits)[:2]
