"""Pictures that come with a question: read and compared in a worker, and kept for a while."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from prismd.domain import Extraction
from prismd.errors import CANCELLED, ExtractError, ModelError
from prismd.extract.base import ExtractOptions
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeImageEmbedder
from prismd.search.likeness import Likeness
from prismd.search.viewing import Viewing
from prismd.store.database import Database
from tests.building import picture

SIGN = picture("yellow", "Locker 4711", size=(400, 120))


class Counting:
    """The pool, which counts what it reads."""

    def __init__(self) -> None:
        self.pool = ExtractPool(1)
        self.read = 0

    def words(
        self,
        path: Path,
        options: ExtractOptions,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> Extraction:
        self.read += 1
        return self.pool.words(path, options, cancelled=cancelled)

    def pixels(
        self,
        path: Path,
        edge_px: int,
        *,
        asked: bool = False,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.uint8]:
        return self.pool.pixels(path, edge_px, asked=asked, cancelled=cancelled)


class Failing(FakeImageEmbedder):
    """A model that fails as long as it is told to."""

    fails = True

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.fails:
            raise ModelError("the engine is down")
        return super().embed_images(pixels)


@pytest.fixture(scope="module")
def pool() -> Iterator[Counting]:
    made = Counting()
    yield made
    made.pool.close()


def test_a_picture_gives_its_words_and_its_vector(pool: Counting, database: Database) -> None:
    images = FakeImageEmbedder()
    viewed = Viewing(pool, Likeness(database, images), ExtractOptions()).view(SIGN)
    assert (viewed.words, viewed.warnings) == ("Locker 4711", ())
    assert viewed.sha256 == hashlib.sha256(SIGN).hexdigest()
    assert viewed.example is not None
    assert viewed.example.vector @ images.embed_texts(["yellow"])[0] > 0.9


def test_what_a_file_says_of_itself_is_no_word_on_the_picture(
    pool: Counting, database: Database
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "A summer evening in Lisbon"
    file = io.BytesIO()
    Image.open(io.BytesIO(SIGN)).save(file, "JPEG", quality=95, exif=exif)
    viewed = Viewing(pool, Likeness(database, None), ExtractOptions()).view(file.getvalue())
    assert viewed.words == "Locker 4711"


def test_a_picture_that_is_sent_again_is_not_read_again(pool: Counting, database: Database) -> None:
    viewing = Viewing(pool, Likeness(database, None), ExtractOptions())
    first, before = viewing.view(SIGN), pool.read
    assert viewing.view(SIGN) == first
    assert pool.read == before
    for shade in range(40):  # others take its place in the end
        viewing.view(picture(f"rgb({shade},0,0)", size=(8, 8)))
    assert viewing.view(SIGN) == first
    assert pool.read == before + 41


def test_other_settings_read_it_again(pool: Counting, database: Database) -> None:
    viewing = Viewing(pool, Likeness(database, FakeImageEmbedder()), ExtractOptions())
    assert viewing.view(SIGN).words
    viewing.options = ExtractOptions(ocr=False)
    viewed = viewing.view(SIGN)
    assert viewed.words == ""
    assert viewed.warnings == ("the words on the picture were not read, as it is set",)


def test_without_a_model_that_is_said(pool: Counting, database: Database) -> None:
    viewed = Viewing(pool, Likeness(database, None), ExtractOptions()).view(SIGN)
    assert viewed.example is None
    assert "models pull clip" in viewed.warnings[0]


def test_a_model_that_fails_costs_no_words_and_is_tried_again(
    pool: Counting, database: Database
) -> None:
    images = Failing()
    viewing = Viewing(pool, Likeness(database, images), ExtractOptions())
    viewed = viewing.view(SIGN)
    assert viewed.words == "Locker 4711"
    assert viewed.warnings == ("the picture was not compared with others: the engine is down",)
    images.fails = False
    assert viewing.view(SIGN).example is not None


@pytest.mark.parametrize("data", [b"", b"no picture", SIGN[:40], b"%PDF-1.7\n", b"<svg></svg>"])
def test_what_is_no_picture_is_refused_and_leaves_nothing_behind(
    pool: Counting,
    database: Database,
    data: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    with pytest.raises(ExtractError):
        Viewing(pool, Likeness(database, None), ExtractOptions()).view(data)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs files in memory")
def test_no_folder_has_it_while_it_is_read(
    pool: Counting, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before, seen = set(tmp_path.iterdir()), []

    def look() -> bool:
        seen.append(set(tmp_path.iterdir()))
        return False

    Viewing(pool, Likeness(database, None), ExtractOptions()).view(SIGN, look)
    assert seen
    assert all(found == before for found in seen)


def test_who_goes_away_is_read_to_no_more(pool: Counting, database: Database) -> None:
    viewing = Viewing(pool, Likeness(database, None), ExtractOptions())
    with pytest.raises(ExtractError) as refused:
        viewing.view(SIGN, lambda: True)
    assert refused.value.code == CANCELLED
    assert viewing.view(SIGN).words == "Locker 4711"
