"""What is said of pictures that came with a question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from prismd.answer.evidence import EvidenceSettings
from prismd.answer.picturing import Picturing, lines_of, query_of
from prismd.answer.quoting import Quoting
from prismd.domain import Filters
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder, FakeImageEmbedder, FakeReranker
from prismd.search.likeness import Example, Likeness
from prismd.search.searching import Search, SearchSettings
from prismd.search.viewing import Viewed
from tests.building import Indexer, picture

PAGE = "The tenants pay a deposit before the keys\nare handed over by the landlord himself"
OTHER_PAGE = "Bake plum cake slowly with butter flour\nsugar cinnamon until golden brown outside"
IMAGES = FakeImageEmbedder()


@pytest.fixture(scope="module")
def indexer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexer]:
    place, pool = tmp_path_factory.mktemp("picturing"), ExtractPool(1)
    made = Indexer(place / "files", place / "data", pool, images=IMAGES)
    made.write("page.png", picture("white", PAGE, size=(900, 120)))
    for shade in range(5):
        made.write(f"red {shade}.png", picture("red", size=(300 + shade, 200)))
    made.run()
    yield made
    made.database.close()
    pool.close()


def picturing(indexer: Indexer, reranker: FakeReranker | None = None) -> Picturing:
    database = indexer.database
    likeness = Likeness(database, IMAGES)
    search = Search(database, FakeEmbedder(), reranker, SearchSettings(), likeness=likeness)
    return Picturing(database, search, Quoting(None, reranker))


def viewed(colour: str, words: str = "", share: float = 1.0) -> Viewed:
    """A picture of which so much has a colour, and the rest is grey."""
    main, rest = IMAGES.embed_texts([colour, "grey"])
    vector = share * main + np.sqrt(1 - share**2) * rest
    return Viewed(f"{colour} {words}", words, Example("image", vector.astype(np.float32)))


def names(hits: tuple[object, ...]) -> list[str]:
    return [Path(hit.path).name for hit in hits]  # type: ignore[attr-defined]


def test_the_same_page_in_another_file_is_nearly_the_same(indexer: Indexer) -> None:
    kin = picturing(indexer).kin([viewed("white", PAGE.replace("deposit", "deposlt"))], Filters())
    assert names(kin.near) == ["page.png"]
    assert not kin.same
    assert not kin.alike


def test_another_page_of_text_is_not_like_it_though_it_looks_so(indexer: Indexer) -> None:
    kin = picturing(indexer).kin([viewed("white", OTHER_PAGE)], Filters())
    assert not (kin.same or kin.near or kin.alike)


def test_a_few_other_words_make_it_another_picture_of_the_like(indexer: Indexer) -> None:
    kin = picturing(indexer).kin([viewed("red", "SALE")], Filters())
    assert not kin.near
    assert len(kin.alike) == 3
    assert all(name.startswith("red") for name in names(kin.alike))


@pytest.mark.parametrize(("share", "kind"), [(0.97, "near"), (0.85, "alike"), (0.7, "")])
def test_how_like_it_is_decides_what_it_is_called(
    indexer: Indexer, share: float, kind: str
) -> None:
    kin = picturing(indexer).kin([viewed("red", share=share)], Filters())
    found = {name for name in ("same", "near", "alike") if getattr(kin, name)}
    assert found == ({kind} if kind else set())


def test_the_very_same_file_is_known_without_a_model_and_named_once(indexer: Indexer) -> None:
    sha256 = hashlib.sha256((indexer.folder / "red 0.png").read_bytes()).hexdigest()
    seen = viewed("red")
    sent = [Viewed(sha256), Viewed(sha256, example=seen.example)]
    kin = picturing(indexer).kin(sent, Filters())
    assert set(names(kin.same)) == {"red 0.png"}
    assert "red 0.png" not in names(kin.near)
    assert not picturing(indexer).kin([Viewed(sha256)], Filters(path=("*/page.png",))).same


def test_what_is_written_answers_by_the_line(indexer: Indexer) -> None:
    receipt = Viewed("x", "Elm Street Garage\nWinter tyres\nTotal of all: 412.50 euros")
    made, settings = picturing(indexer, FakeReranker()), EvidenceSettings(refusal_threshold=0.5)
    assert made.answering("total euros", [receipt], settings) == ["Total of all: 412.50 euros"]
    assert made.answering("Who composed zebra sonatas?", [receipt], settings) == []
    assert made.answering("anything", [Viewed("x")], settings) == []


def test_words_are_cut_for_a_search_and_for_a_quotation() -> None:
    endless = Viewed("x", "\n".join(["many words"] * 5_000))
    assert len(query_of([endless])) <= 600
    assert sum(map(len, lines_of([endless]))) <= 4_000
    assert lines_of([Viewed("x"), Viewed("y", " a \n\n b  c ")]) == ["a", "b c"]
