"""``search --image`` and ``--sounds-like``: more of a picture or a recording."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.building import picture, recording
from tests.cli.harness import CONFIG, Place


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An index of two red pictures, a blue one and two recordings."""
    place = Place(tmp_path_factory.mktemp("media"))
    place.config.write_text(CONFIG.replace('image = "off"', 'image = "fake"'))
    contents = {
        "barn.png": picture("red"),
        "rose.png": picture("red", size=(48, 48)),
        "sea.png": picture("blue"),
        "hum.wav": recording(pitch_hz=200, seconds=5),
        "drone.wav": recording(pitch_hz=210, seconds=5),
    }
    for name, content in contents.items():
        (place.folder / name).write_bytes(content)
        os.utime(place.folder / name, (1_700_000_000, 1_700_000_000))
    place.run("index", place.folder)
    return place


def names(found: dict) -> list[str]:  # type: ignore[type-arg]
    return [Path(result["metadata"]["path"]).name for result in found["results"]]


def test_a_picture_of_the_index_leaves_itself_out(media: Place, tmp_path: Path) -> None:
    found = names(media.json("search", "--image", media.folder / "barn.png"))
    assert found[0] == "rose.png"
    assert "barn.png" not in found
    copy = tmp_path / "copy.png"
    copy.write_bytes((media.folder / "barn.png").read_bytes())
    assert "barn.png" in names(media.json("search", "--image", copy))[:2]


def test_a_picture_that_is_not_what_was_indexed_is_taken_as_it_is(media: Place) -> None:
    path = media.folder / "sea.png"
    kept = path.read_bytes()
    # Of another size, and of the same.
    for other in (picture("red", size=(50, 50)), picture("red").ljust(len(kept), b"\0")):
        path.write_bytes(other)
        try:
            found = names(media.json("search", "--image", path))
            assert set(found[:2]) == {"barn.png", "rose.png"}
        finally:
            path.write_bytes(kept)
            os.utime(path, (1_700_000_000, 1_700_000_000))


def test_what_has_no_words_is_printed_without_an_empty_line(media: Place) -> None:
    for option, name in (("--sounds-like", "hum.wav"), ("--image", "barn.png")):
        shown = media.run("search", option, media.folder / name).splitlines()
        assert shown
        assert all(line.strip() for line in shown)
