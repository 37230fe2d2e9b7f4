"""What a recording says of itself; the sound itself is tested with ``soundtrack``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prismd.domain import Extraction, TimeLocator
from prismd.errors import ExtractError
from prismd.extract.audio.extractor import AudioExtractor
from prismd.extract.audio.sound_space import SOUND_SPACE
from prismd.extract.base import ExtractOptions
from prismd.extract.steps import listening
from prismd.layout import line_index, locate
from tests.extract.conftest import check_blocks
from tests.speaking import (
    FILMS,
    FORMATS,
    FOX,
    joined,
    silence,
    speech,
    write,
    write_film_without_sound,
    write_wav,
)

TAGS = {
    "title": "Two  sayings",
    "artist": "A. Speaker",
    "album": "Sayings",
    "date": "2024-05-01",
    "genre": "Speech",
    "comment": "recorded in the garden",
}
CHAPTERS = [(0.0, 4.0, "Animals"), (4.0, 8.0, "Drinks")]


def read(path: Path) -> Extraction:
    extraction = AudioExtractor().extract(path, "audio/x", ExtractOptions())
    check_blocks(extraction)
    return extraction


def when(extraction: Extraction, quote: str) -> tuple[float, float]:
    start = extraction.text.index(quote)
    place = locate(extraction.layout, line_index(extraction.text), start, start + len(quote))
    assert isinstance(place, TimeLocator)
    return place.start_s, place.end_s


@pytest.mark.parametrize("suffix", FORMATS)
def test_length_codec_and_sound_of_every_format(tmp_path: Path, suffix: str) -> None:
    extraction = read(write(tmp_path / f"a.{suffix}", speech(FOX)))
    assert abs(extraction.layout.duration_s - len(speech(FOX)) / 16_000) < 0.3
    assert "mono" in extraction.metadata["sound"]
    vector = np.frombuffer(extraction.sound, "<f4")
    assert vector.shape == (SOUND_SPACE.dim,)
    assert extraction.warnings == ()


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus", "flac", "wma", "mp4", "mkv", "webm"])
def test_tags_are_text_that_is_found(tmp_path: Path, suffix: str) -> None:
    extraction = read(write(tmp_path / f"a.{suffix}", silence(1), tags=TAGS))
    assert extraction.title == "Two sayings"
    assert "Artist: A. Speaker" in extraction.text
    if suffix not in FILMS:
        assert "Comment: recorded in the garden" in extraction.text
        assert extraction.metadata["album"] == "Sayings"
    assert extraction.blocks[0].kind == "caption"


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus", "wma", "mp4", "mkv", "webm"])
def test_chapters_are_headings_with_their_time(tmp_path: Path, suffix: str) -> None:
    extraction = read(write(tmp_path / f"a.{suffix}", silence(8), chapters=CHAPTERS))
    assert [block.kind for block in extraction.blocks] == ["heading", "heading"]
    assert np.allclose(when(extraction, "Drinks"), (4, 8), atol=0.2)
    assert extraction.metadata["chapters"] == "2"


def test_a_recording_without_tags_has_no_text(tmp_path: Path) -> None:
    extraction = read(write_wav(tmp_path / "a.wav", silence(3)))
    assert (extraction.text, extraction.blocks) == ("", ())
    assert extraction.layout.kind == "time"
    assert extraction.layout.duration_s == 3
    assert extraction.sound == b""


def test_a_film_without_sound_is_its_tags_only(tmp_path: Path) -> None:
    extraction = read(write_film_without_sound(tmp_path / "mute.mp4"))
    assert "sound" not in extraction.metadata
    assert extraction.sound == b""
    assert extraction.warnings == ("has no sound",)


def test_what_is_cut_off_says_how_much_there_is(tmp_path: Path) -> None:
    samples, _ = joined(*[speech(FOX)] * 4)
    path = write(tmp_path / "cut.flac", samples)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    extraction = read(path)
    assert "cut off" in extraction.warnings[0]
    assert extraction.layout.duration_s < len(samples) / 16_000 * 0.7
    assert extraction.sound


def test_what_is_no_recording_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "no.mp3"
    path.write_bytes(b"this is a letter, not a recording")
    with pytest.raises(ExtractError, match="play it") as caught:
        read(path)
    assert caught.value.code == "broken"


def test_progress_is_told_in_seconds(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with listening(lambda done, total: told.append((done, total))):
        read(write_wav(tmp_path / "a.wav", silence(100)))
    assert told == [(30, 100), (60, 100), (90, 100), (100, 100)]


def test_a_tag_as_long_as_a_book_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", silence(1), tags={"comment": "word " * 10_000})
    assert len(read(path).text) < 6_000


def test_the_version_is_the_one_in_the_table() -> None:
    from prismd.extract.base import media_type

    entry = media_type("audio/mpeg")
    assert entry is not None
    assert entry.version == AudioExtractor.version
