"""Paths that open one file, and are called like another."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.paths.alias import Alias, called
from prismd.wording import shown_name


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "7"
    path.write_text("words")
    return path


def test_it_opens_what_it_leads_to_under_the_other_name(bare: Path) -> None:
    path = Alias.of(bytes(bare), "Report.final.PDF")
    assert (path.name, path.stem, path.suffix) == ("Report.final.PDF", "Report.final", ".PDF")
    assert path.read_text() == "words"
    assert str(path) == str(bare)
    assert path.stat().st_size == 5
    assert shown_name(path) == "Report.final.PDF"


def test_what_is_derived_of_it_goes_by_its_own_name(bare: Path) -> None:
    path = Alias.of(str(bare), "a.txt")
    assert path.parent.name == bare.parent.name
    assert (path.parent / "b.md").name == "b.md"


def test_only_an_alias_has_another_name(bare: Path) -> None:
    assert called(bare) == ""
    assert called(Alias.of(str(bare), "a.txt")) == "a.txt"
