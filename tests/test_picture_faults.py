"""Pictures whose model, or whose index, fails: nothing else is held up, and it is told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.errors import ModelError
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder, FakeImageEmbedder
from prismd.search.likeness import Likeness
from prismd.search.searching import Search, SearchSettings
from prismd.store import vectors
from prismd.store.check import check
from tests.building import Indexer, picture, wait_until


@pytest.fixture
def indexer(tmp_path: Path, data_dir: Path) -> Iterator[Indexer]:
    pool = ExtractPool(1)
    made = Indexer(tmp_path / "folder", data_dir, pool, images=FakeImageEmbedder())
    yield made
    pool.close()
    assert check(made.database, repair=False) == []
    made.database.close()


def found_by_sight(indexer: Indexer, query: str) -> list[str]:
    like = Likeness(indexer.database, indexer.images)
    search = Search(indexer.database, FakeEmbedder(), None, SearchSettings(), likeness=like)
    hits = search.search(query).hits
    return [Path(hit.path).name for hit in hits if hit.explanation.image_rank]


class Failing(FakeImageEmbedder):
    """Fails on blue pictures and on the word poison; on everything when it is down."""

    down = False
    asked = 0

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked += 1
        if self.down or pixels[0, 0, 0, 2] > 200:
            raise ModelError("fake: fails")
        return super().embed_images(pixels)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.down or any("poison" in text for text in texts):
            raise ModelError("fake: fails")
        return super().embed_texts(texts)


def test_what_a_model_fails_on_is_passed_over(indexer: Indexer) -> None:
    indexer.images = Failing()
    indexer.write("a.png", picture("blue"))
    indexer.write("b.png", picture("red"))
    indexer.write("bad.txt", "A blue poison.")
    indexer.write("good.txt", "A red barn.")
    indexer.run()
    assert found_by_sight(indexer, "red") == ["b.png"]
    assert indexer.progress.fault == ""


def test_a_model_of_pictures_that_is_down_holds_up_nothing_else(indexer: Indexer) -> None:
    indexer.images = Failing()
    indexer.images.down = True
    indexer.write("b.png", picture("red"))
    indexer.write("good.txt", "A red barn.")
    indexer.run()
    assert indexer.states()["good.txt"] == ("completed", "")
    assert indexer.progress.fault_of("reading", "embedding") == ""
    assert "fake: fails" in indexer.progress.fault_of("pictures")
    indexer.images.down = False
    indexer.run()
    assert found_by_sight(indexer, "red") == ["b.png"]


def test_a_model_of_pictures_that_stays_down_is_logged_once(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    images = indexer.images = Failing()
    images.down = True
    indexer.write("b.png", picture("red"))
    indexer.sweep()
    monkeypatch.setattr("prismd.ingest.pictures.IDLE_WAIT_S", 0.001)
    with indexer.ingesting():
        wait_until(lambda: images.asked >= 50)
    assert [record.getMessage() for record in caplog.records] == ["pictures: fake: fails"]


def test_pictures_are_not_held_up_by_an_index_that_cannot_be_tended(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, colour in enumerate(("red", "blue", "green", "yellow", "black", "white")):
        indexer.write(f"{number}.png", picture(colour))
    monkeypatch.setattr("prismd.ingest.pictures._TEND_S", 0.0)
    monkeypatch.setattr("prismd.ingest.pictures.IDLE_WAIT_S", 3600.0)  # a wait would never end
    ingest = indexer.ingest()  # which makes the spaces
    (space_id, _), *_ = indexer.database.read(lambda c: vectors.spaces(c, "picture_text"))
    indexer.database.write(
        lambda c: c.execute(
            "INSERT INTO vector_generations"
            " (space_id, state, made_of, coded, coded_to, mean)"
            " VALUES (?, 'active', 'broken', 0, 0, x'')",
            (space_id,),
        )
    )
    indexer.sweep()
    ingest.start()
    wait_until(ingest.idle)
    wait_until(lambda: "TypeError" in indexer.progress.fault)
    assert indexer.progress.fault_of("reading", "embedding", "pictures") == ""
    indexer.database.write(lambda c: c.execute("DELETE FROM vector_generations"))
    ingest.wake()
    wait_until(lambda: indexer.progress.fault == "")
    ingest.stop()
