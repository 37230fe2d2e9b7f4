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
