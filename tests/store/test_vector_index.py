"""One suite for every way of finding near vectors, and what only the lists have to do."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.errors import StoreError
from prismd.store import inverted_lists, list_building, retrieval, vector_search, vectors
from prismd.store.check import Finding, check
from prismd.store.database import Database
from prismd.store.inverted_lists import ListIndex
from prismd.store.vector_search import SpaceSearch
from prismd.store.vectors import FlatIndex, Ids, VectorIndex, Vectors

DIM = 96
SPACE = EmbeddingSpace("test", "1", DIM, 512)
K = 10
Make = Callable[[Database], VectorIndex]


def clustered(count: int, seed: int = 0, clusters: int = 60) -> Vectors:
    """Vectors as texts have them: around a few dozen subjects, none like another."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(clusters, DIM))
    points = centres[random.integers(clusters, size=count)] + 0.7 * random.normal(size=(count, DIM))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points, np.float32)


def fill(database: Database, rows: Vectors) -> int:
    """Store vectors, each with a passage that has it; returns the space's id."""
    space_id = database.write(lambda c: vectors.put_space(c, SPACE))
    before = database.read(
        lambda c: int(c.execute("SELECT coalesce(max(id), 0) FROM embeddings").get)
    )
    number = database.read(lambda c: c.execute("SELECT count(*) FROM documents").get)
    hashes = [(before + n).to_bytes(16, "big") for n in range(len(rows))]

    def passages(connection) -> None:  # type: ignore[no-untyped-def]
        connection.execute(
            "INSERT INTO documents (sha256, type, media_type, size_bytes, title, language,"
            " metadata, warnings, extractor, chunker, indexed_at)"
            " VALUES (?, 'text', '', 0, '', '', '', '', '', '', 0)",
            (f"document {number}",),
        )
        document_id = connection.last_insert_rowid()
        connection.executemany(
            "INSERT INTO passages (document_id, ordinal, char_start, char_end, text, heading,"
            " locator, tokens, embedding_hash) VALUES (?, 0, 0, 1, ' ', '[]', '', 0, ?)",
            [(document_id, hash_) for hash_ in hashes],
        )

    database.write(passages)
    database.write(lambda c: vectors.store(c, space_id, hashes, rows))
    return space_id


def forget(database: Database, ids: list[int]) -> None:
    """Delete vectors, with the passages that had them."""

    def work(connection) -> None:  # type: ignore[no-untyped-def]
        hashes = []
        for id_ in ids:
            hash_ = connection.execute("SELECT hash FROM embeddings WHERE id = ?", (id_,)).get
            connection.execute("DELETE FROM passages WHERE embedding_hash = ?", (hash_,))
            hashes.append(hash_)
        vectors.delete_unused(connection, hashes)

    database.write(work)


def flat(database: Database) -> VectorIndex:
    return FlatIndex(1, DIM)


def lists(database: Database) -> VectorIndex:
    list_building.build(database, 1, DIM)
    return ListIndex(1, DIM)


def either(database: Database) -> VectorIndex:
    return SpaceSearch(1, SPACE)


@pytest.fixture(params=[flat, lists, either], ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    return request.param  # type: ignore[no-any-return]


def search(
    database: Database, index: VectorIndex, query: Vectors, k: int = K, allowed: Ids | None = None
) -> tuple[list[int], NDArray[np.float32]]:
    ids, similarity = database.read(lambda c: index.search(c, query, k, allowed))
    assert len(ids) == len(similarity) == len(set(ids.tolist()))
    assert list(similarity) == sorted(similarity, reverse=True)
    return ids.tolist(), similarity


def exact(rows: Vectors, query: Vectors, k: int = K, among: Ids | None = None) -> list[int]:
    """The true answer, over the vectors as they are kept (ids count from 1)."""
    ids = np.arange(1, len(rows) + 1) if among is None else among
    similarity = rows[ids - 1].astype("<f2").astype(np.float32) @ query
    return [int(i) for i in ids[np.argsort(-similarity, kind="stable")][:k]]


def recall(found: list[list[int]], truth: list[list[int]]) -> float:
    return float(
        np.mean([len(set(f) & set(t)) / len(t) for f, t in zip(found, truth, strict=True)])
    )


def wrong_vectors(database: Database) -> list[Finding]:
    """What the check finds wrong with vectors; the passages of these tests have no words."""
    return [f for f in check(database, repair=False) if "vector" in f.what]


# The contract


def test_the_nearest_are_found(database: Database, make: Make) -> None:
    rows = clustered(5_000)
    fill(database, rows)
    index = make(database)
    queries = clustered(60, seed=1)
    found = [search(database, index, query)[0] for query in queries]
    assert recall(found, [exact(rows, query) for query in queries]) >= 0.95
    assert all(len(ids) == K for ids in found)


def test_a_vector_is_nearest_to_itself_with_similarity_one(database: Database, make: Make) -> None:
    rows = clustered(600)
    fill(database, rows)
    index = make(database)
    for number in (0, 17, 599):
        ids, similarity = search(database, index, rows[number])
        assert ids[0] == number + 1
        assert similarity[0] == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("share", [0.002, 0.05, 0.9])
def test_a_filter_is_kept_and_costs_no_recall(database: Database, make: Make, share: float) -> None:
    rows = clustered(4_000)
    fill(database, rows)
    index = make(database)
    among = np.flatnonzero(np.random.default_rng(3).random(len(rows)) < share) + 1
    queries = clustered(30, seed=2)
    found = [search(database, index, query, allowed=among)[0] for query in queries]
    assert all(set(ids) <= set(among.tolist()) for ids in found)
    assert all(len(ids) == min(K, len(among)) for ids in found)
    assert recall(found, [exact(rows, query, among=among) for query in queries]) >= 0.95


def test_a_filter_that_leaves_nothing_finds_nothing(database: Database, make: Make) -> None:
    rows = clustered(300)
    fill(database, rows)
    index = make(database)
    assert search(database, index, rows[0], allowed=np.empty(0, np.int64))[0] == []
    assert search(database, index, rows[0], allowed=np.array([9_999_999]))[0] == []


def test_more_than_there_is_finds_all_there_is(database: Database, make: Make) -> None:
    rows = clustered(30)
    fill(database, rows)
    index = make(database)
    assert sorted(search(database, index, rows[0], k=500)[0]) == list(range(1, 31))
    among = np.array([3, 5, 7])
    assert sorted(search(database, index, rows[0], k=500, allowed=among)[0]) == [3, 5, 7]


def test_what_is_deleted_is_never_found(database: Database, make: Make) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    index = make(database)
    gone = search(database, index, rows[0], k=50)[0][:25]
    forget(database, gone)
    ids, _ = search(database, index, rows[0], k=50)
    assert not set(ids) & set(gone)
    left = np.setdiff1d(np.arange(1, 1_001), gone)
    assert recall([ids[:K]], [exact(rows, rows[0], among=left)]) >= 0.9
    assert wrong_vectors(database) == []


def test_what_is_added_is_found_at_once(database: Database, make: Make) -> None:
    rows = clustered(1_200)
    fill(database, rows[:1_000])
    index = make(database)
    fill(database, rows[1_000:])
    for number in (1_000, 1_100, 1_199):
        assert search(database, index, rows[number])[0][0] == number + 1


def test_an_id_is_not_used_again(database: Database, make: Make) -> None:
    rows = clustered(200)
    fill(database, rows[:100])
    index = make(database)
    forget(database, list(range(51, 101)))
    database.write(lambda c: c.execute("DELETE FROM documents WHERE id > 1"))
    fill(database, rows[100:])
    ids, _ = search(database, index, rows[150], k=200)
    assert not set(ids) & set(range(51, 101))


def test_an_empty_space_has_nothing_to_find(database: Database) -> None:
    fill(database, np.empty((0, DIM), np.float32))
    list_building.build(database, 1, DIM)  # nothing to train on
    for index in (flat(database), either(database)):
        assert search(database, index, clustered(1)[0])[0] == []
        assert search(database, index, clustered(1)[0], allowed=np.array([1]))[0] == []
    assert vector_search.maintain(database, 1, DIM) == ""


def test_vectors_that_are_all_alike_are_found(database: Database, make: Make) -> None:
    rows = np.repeat(clustered(1), 300, axis=0)
    fill(database, rows)
    index = make(database)
    ids, similarity = search(database, index, rows[0], k=20)
    assert len(ids) == 20
    assert similarity[-1] == pytest.approx(1.0, abs=2e-3)


# The lists


def test_lists_take_over_from_the_flat_index(database: Database) -> None:
    rows = clustered(500)
    fill(database, rows)
    assert database.read(lambda c: vectors.has_flat(c, 1))
    list_building.build(database, 1, DIM)
    assert not database.read(lambda c: vectors.has_flat(c, 1))
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[7])[0][0] == 8
    assert wrong_vectors(database) == []


def test_a_list_index_without_lists_says_what_to_do(database: Database) -> None:
    fill(database, clustered(10))
    with pytest.raises(StoreError, match="prismd check"):
        search(database, ListIndex(1, DIM), clustered(1)[0])


def test_the_newest_are_appended_in_batches(database: Database) -> None:
    rows = clustered(9_000)
    fill(database, rows[:4_000])
    list_building.build(database, 1, DIM)
    index = ListIndex(1, DIM)
    assert vector_search.maintain(database, 1, DIM) == ""
    fill(database, rows[4_000:8_200])
    assert vector_search.maintain(database, 1, DIM) == "train"  # it has more than doubled
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert (generation.listed, generation.listed_to) == (8_200, 8_200)
    fill(database, clustered(4_100, seed=5))
    assert vector_search.maintain(database, 1, DIM) == "append"
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert generation.listed == 12_300
    assert vector_search.maintain(database, 1, DIM) == ""
    stored = np.concatenate([rows[:8_200], clustered(4_100, seed=5)])
    queries = clustered(40, seed=6)
    found = [search(database, index, query)[0] for query in queries]
    assert recall(found, [exact(stored, query) for query in queries]) >= 0.95


def test_lists_that_hold_mostly_deleted_ones_are_trained_anew(database: Database) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    list_building.build(database, 1, DIM)
    forget(database, list(range(1, 601)))
    assert vector_search.maintain(database, 1, DIM) == "train"
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert generation.listed == 400
    entries = database.read(
        lambda c: c.execute("SELECT sum(length(ids)) / 8, count(*) FROM vector_lists").fetchone()
    )
    assert entries is not None
    assert entries[0] == 400
    assert vector_search.maintain(database, 1, DIM) == ""


def test_lists_that_hold_nothing_any_more_are_given_up(database: Database) -> None:
    rows = clustered(500)
    fill(database, rows)
    list_building.build(database, 1, DIM)
    forget(database, list(range(1, 501)))
    vector_search.maintain(database, 1, DIM)
    assert vector_search.maintain(database, 1, DIM) == ""
    assert database.read(lambda c: c.execute("SELECT count(*) FROM vector_lists").get) == 0
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[0])[0] == []
    fill(database, rows[:5])
    assert len(search(database, index, rows[0])[0]) == 5
    assert wrong_vectors(database) == []


def test_a_training_cut_short_serves_on_and_leaves_nothing_behind(database: Database) -> None:
    rows = clustered(800)
    fill(database, rows)
    list_building.build(database, 1, DIM)
    before = database.read(lambda c: inverted_lists.active(c, 1))
    assert before is not None
    # What a kill in the middle of a build leaves.
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_generations (space_id, state, centroids, mean, trained_on, listed,"
            " listed_to) VALUES (1, 'building', x'', x'', 1, 0, 0)"
        )
    )
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_lists (generation_id, list, ids, codes) VALUES (?, 0, x'', x'')",
            (before.id + 1,),
        )
    )
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[3])[0][0] == 4
    list_building.build(database, 1, DIM)
    rows_left = database.read(
        lambda c: c.execute("SELECT count(DISTINCT generation_id) FROM vector_lists").get
    )
    assert rows_left == 1
    assert search(database, index, rows[3])[0][0] == 4


def test_searches_go_on_while_the_lists_are_built_anew(database: Database) -> None:
    rows = clustered(3_000)
    fill(database, rows)
    index = SpaceSearch(1, SPACE)
    failures: list[BaseException] = []
    searched = 0
    done = threading.Event()

    def ask() -> None:
        nonlocal searched
        number = 0
        try:
            while not done.is_set() or searched < 20:
                number = (number + 37) % len(rows)
                assert search(database, index, rows[number])[0][0] == number + 1
                searched += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        list_building.build(database, 1, DIM)
        fill(database, clustered(50, seed=8))
        list_building.append(database, 1, DIM)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert searched >= 20


def test_a_dropped_space_leaves_its_passages_waiting(database: Database) -> None:
    fill(database, clustered(300))
    list_building.build(database, 1, DIM)
    database.write(lambda c: vectors.drop_space(c, 1))
    for table in ("spaces", "embeddings", "vector_generations", "vector_lists"):
        assert database.read(lambda c, t=table: c.execute(f"SELECT count(*) FROM {t}").get) == 0  # type: ignore[misc]
    assert len(database.read(lambda c: vectors.unembedded(c, 1_000))[0]) == 300
    assert wrong_vectors(database) == []


def test_lists_that_are_trained_after_others_were_given_up_serve_by_their_own_centroids(
    database: Database,
) -> None:
    index = ListIndex(1, DIM, probes=2)
    fill(database, clustered(2_000))
    list_building.build(database, 1, DIM)
    first = database.read(lambda c: inverted_lists.active(c, 1))
    search(database, index, clustered(1)[0])
    forget(database, list(range(1, 2_001)))
    list_building.build(database, 1, DIM)
    fill(database, clustered(2_000, seed=4))
    list_building.build(database, 1, DIM)
    second = database.read(lambda c: inverted_lists.active(c, 1))
    assert first is not None
    assert second is not None
    assert second.id > first.id
    fresh = ListIndex(1, DIM, probes=2)
    for query in clustered(20, seed=6):
        assert search(database, index, query)[0] == search(database, fresh, query)[0]


def add_bare(database: Database, rows: Vectors) -> None:
    """Add vectors that no passage has, by the thousand."""
    start = database.read(lambda c: c.execute("SELECT count(*) FROM embeddings").get)
    packed = [
        ((start + n).to_bytes(15, "big"), row.astype("<f2").tobytes()) for n, row in enumerate(rows)
    ]
    database.write(
        lambda c: c.executemany(
            "INSERT INTO embeddings (space_id, hash, vector) VALUES (1, ?, ?)", packed
        )
    )


@pytest.mark.parametrize("share", [None, 0.5])
def test_many_vectors_behind_the_lists_are_searched_without_holding_them_all(
    database: Database, share: float | None
) -> None:
    rows = clustered(30_000)
    fill(database, rows[:1_000])
    list_building.build(database, 1, DIM)
    add_bare(database, rows[1_000:])
    random = np.random.default_rng(3)
    among = None if share is None else np.flatnonzero(random.random(len(rows)) < share) + 1
    index = ListIndex(1, DIM)
    queries = clustered(5, seed=6)
    tracemalloc.start()
    found = [search(database, index, query, allowed=among)[0] for query in queries]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    truth = [exact(rows, query, among=among) for query in queries]
    assert recall(found, truth) >= 0.95
    assert peak_bytes < rows.nbytes / 2


def test_many_vectors_are_appended_without_holding_them_all(database: Database) -> None:
    rows = clustered(60_000)
    fill(database, rows[:1_000])
    list_building.build(database, 1, DIM)
    add_bare(database, rows[1_000:])
    tracemalloc.start()
    list_building.append(database, 1, DIM)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert (generation.listed, generation.listed_to) == (60_000, 60_000)
    assert database.read(lambda c: inverted_lists.missing(c, 1)) == 0
    assert peak_bytes < rows.nbytes / 2


# The flat index


def test_a_flat_index_of_mostly_deleted_vectors_is_made_anew(database: Database) -> None:
    rows = clustered(3_000)
    fill(database, rows)
    assert vector_search.maintain(database, 1, DIM) == ""
    slots = "SELECT sum(size) FROM vectors_flat_1_chunks"
    before = database.read(lambda c: c.execute(slots).get)
    forget(database, [number for number in range(1, 3_001) if number % 3])
    assert vector_search.maintain(database, 1, DIM) == "compact"
    assert vector_search.maintain(database, 1, DIM) == ""
    assert database.read(lambda c: c.execute(slots).get) < before
    assert search(database, flat(database), rows[2])[0][0] == 3
    assert wrong_vectors(database) == []


def test_a_flat_index_of_few_vectors_is_left_as_it_is(database: Database) -> None:
    fill(database, clustered(3))
    forget(database, [1, 2])
    assert vector_search.maintain(database, 1, DIM) == ""


def test_vectors_are_counted_however_they_come_and_go(database: Database) -> None:
    def counted() -> int:
        return database.read(lambda c: vectors.count(c, 1))

    rows = clustered(40)
    fill(database, rows)
    assert counted() == 40
    hashes = [n.to_bytes(16, "big") for n in range(40)]
    database.write(lambda c: vectors.store(c, 1, hashes, rows))  # they are there already
    assert counted() == 40
    forget(database, list(range(1, 11)))
    assert counted() == 30
    with pytest.raises(ZeroDivisionError):
        database.write(lambda c: (c.execute("DELETE FROM embeddings"), 1 / 0))
    assert counted() == 30
    database.write(lambda c: c.execute("DELETE FROM embeddings"))
    assert counted() == 0
    database.write(lambda c: vectors.drop_space(c, 1))
    assert counted() == 0


def test_vectors_of_another_space_do_not_compare(database: Database) -> None:
    rows = clustered(3)
    fill(database, rows)
    other = msgspec.structs.replace(SPACE, model="of the same width")
    other_id = database.write(lambda c: vectors.put_space(c, other))

    def similarities(space_id: int | None) -> dict[int, float]:
        return database.read(lambda c: retrieval.similarities(c, rows[0], [1, 2, 3], space_id))

    assert similarities(1)[1] == pytest.approx(1.0, abs=2e-3)
    assert len(similarities(1)) == 3
    assert similarities(other_id) == {}
    assert similarities(None) == {}


def test_a_text_that_no_passage_has_leaves_every_space(database: Database) -> None:
    rows = clustered(3)
    fill(database, rows)
    other = msgspec.structs.replace(SPACE, model="another")
    hashes = [n.to_bytes(16, "big") for n in range(3)]
    other_id = database.write(lambda c: vectors.put_space(c, other))
    database.write(lambda c: vectors.store(c, other_id, hashes, rows))
    forget(database, [2])
    for space_id in (1, other_id):
        assert database.read(lambda c, id_=space_id: vectors.count(c, id_)) == 2  # type: ignore[misc]
        index = FlatIndex(space_id, DIM)
        assert len(search(database, index, rows[1])[0]) == 2
