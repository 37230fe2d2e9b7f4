"""The language of a text, told without a file to be put aside."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import py3langid
import pytest
from py3langid import langid, modelio

from prismd.extract import language
from prismd.extract.language import language_of

FRENCH = "Le morse dort sur la banquise, et personne ne sait pourquoi il ronfle si fort."


@pytest.fixture
def unread() -> Iterator[None]:
    """Its model is read anew."""
    language._identifier.cache_clear()
    yield
    language._identifier.cache_clear()


@pytest.mark.usefixtures("unread")
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="elsewhere it needs a file")
def test_its_model_needs_no_room_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert language_of(FRENCH) == "fr"


@pytest.mark.usefixtures("unread")
def test_what_reads_the_model_is_left_as_it_was() -> None:
    assert language_of(FRENCH) == "fr"
    assert modelio.tempfile is tempfile


@pytest.mark.usefixtures("unread")
def test_what_reads_the_model_may_ask_for_anything_of_temporary_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load, asked = langid._load_model_file, []

    def load_otherwise(path: Path) -> Any:
        with modelio.tempfile.NamedTemporaryFile() as file:
            asked.append(file.name)
        return load(path)

    monkeypatch.setattr(langid, "_load_model_file", load_otherwise)
    assert language_of(FRENCH) == "fr"
    assert len(asked) == 1


@pytest.mark.usefixtures("unread")
def test_where_the_model_is_read_by_something_else_it_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.modelio", None)
    monkeypatch.delattr(py3langid, "modelio")
    assert language_of(FRENCH) == "fr"


def test_a_text_that_is_too_short_has_none() -> None:
    assert language_of("Le morse") == ""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder that workers share, this one's own folder below it."""
    language._identifier.cache_clear()
    (tmp_path / "own").mkdir()
    language.share(tmp_path, tmp_path / "own")
    yield tmp_path
    language._shared.clear()
    language._identifier.cache_clear()


def _kept(folder: Path) -> Path:
    (kept,) = folder.glob("language-model-*")
    return kept


def test_the_model_is_unpacked_once_for_all_workers(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert language_of(FRENCH) == "fr"
    assert not list((shared / "own").iterdir())
    language._identifier.cache_clear()  # as in the next worker
    monkeypatch.setattr(language, "_unpacked", lambda: pytest.fail("unpacked again"))
    assert language_of(FRENCH) == "fr"


def test_a_mapped_model_tells_what_the_packed_one_does(shared: Path) -> None:
    text = FRENCH + " Seals sleep there, too. Und niemand weiß, weshalb."
    assert language_of(text) == "fr"
    assert language._identifier().rank(text) == language._unpacked().rank(text)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", None])
def test_a_damaged_model_is_unpacked_anew(shared: Path, content: bytes | None) -> None:
    language_of(FRENCH)
    language._identifier.cache_clear()
    part = _kept(shared) / "tk_nextmove.npy"
    part.chmod(0o600)
    part.unlink() if content is None else part.write_bytes(content)
    assert language_of(FRENCH) == "fr"
    assert part.stat().st_size > 1_000_000


def test_what_workers_share_is_for_reading_only(shared: Path) -> None:
    language_of(FRENCH)
    assert {part.stat().st_mode & 0o777 for part in _kept(shared).iterdir()} == {0o400}
    with pytest.raises(ValueError, match="read-only"):
        language._identifier().nb_ptc[0] = 0


def test_of_another_version_nothing_stays(shared: Path) -> None:
    (shared / "language-model-0-1-1").mkdir()
    language_of(FRENCH)
    assert _kept(shared).name != "language-model-0-1-1"


def test_where_the_model_cannot_be_kept_it_is_read_all_the_same(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    language.share(shared / "missing", shared / "missing")
    assert language_of(FRENCH) == "fr"
