"""Names of which a disk may not heed the case. Disks of the tests do: both names are two files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prismd.watch.spelling import is_spelled_so, same_but_for_spelling
from tests.watch.watched import Watched


@pytest.mark.parametrize(
    ("path", "other", "same"),
    [
        ("/a/Report.txt", "/a/report.TXT", True),
        ("/A/report.txt", "/a/report.txt", True),
        ("/a/caf\u00e9", "/a/cafe\u0301", True),
        ("/a/report.txt", "/a/report.txt", False),
        ("/a/report.txt", "/b/report.txt", False),
    ],
)
def test_spellings_differ_in_case_and_composition(path: str, other: str, same: bool) -> None:
    assert same_but_for_spelling(os.fsencode(path), os.fsencode(other)) is same


def test_names_that_are_not_utf8_have_spellings_too() -> None:
    assert same_but_for_spelling(b"/a/\xffX", b"/a/\xffx")


def test_a_path_is_spelled_as_its_folders_list_it(tmp_path: Path) -> None:
    (tmp_path / "Folder").mkdir()
    (tmp_path / "Folder" / "a.txt").write_text("walrus")
    root = os.fsencode(tmp_path)
    assert is_spelled_so(root + b"/Folder/a.txt", root)
    assert not is_spelled_so(root + b"/Folder/A.txt", root)
    assert not is_spelled_so(root + b"/folder/a.txt", root)


def test_a_rename_that_changes_the_case_alone_moves_the_file(watched: Watched) -> None:
    watched.write("Folder/Report.txt", "walrus")
    watched.sweep()
    (watched.folder / "Folder").rename(watched.folder / "folder")
    (watched.folder / "folder" / "Report.txt").rename(watched.folder / "folder" / "report.txt")
    assert watched.sweep().moved == 1


def test_a_hard_link_under_another_spelling_is_a_file_of_its_own(watched: Watched) -> None:
    path = watched.write("Report.txt", "walrus")
    watched.sweep()
    (watched.folder / "report.txt").hardlink_to(path)
    found = watched.sweep()
    assert (found.added, found.moved, found.removed) == (1, 0, 0)


def test_what_cannot_be_listed_is_taken_to_be_spelled_so(tmp_path: Path) -> None:
    assert is_spelled_so(os.fsencode(tmp_path / "nothing" / "a"), os.fsencode(tmp_path / "nothing"))
