from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from prismd.watch.suggesting import (
    Suggestion,
    candidates,
    chosen,
    count_files,
    in_words,
    suggestions,
)
from tests.hung_paths import HungPaths


def put(path: Path, content: str = "content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def names(home: Path) -> list[str]:
    return [str(each.path.relative_to(home)) for each in suggestions(home, 60)]


def test_the_usual_folders_are_suggested_where_something_is_in_them(home: Path) -> None:
    for name in ("Documents", "Music", "Notes", "OneDrive - Firm"):
        put(home / name / "a.txt")
    (home / "Downloads").mkdir()
    put(home / "Pictures" / ".hidden")
    assert names(home) == ["Documents", "Music", "Notes", "OneDrive - Firm"]


def test_folders_go_by_the_names_that_the_desktop_gave_them(home: Path) -> None:
    put(home / ".config" / "user-dirs.dirs", 'XDG_DOCUMENTS_DIR="$HOME/Dokumente"\n')
    put(home / "Dokumente" / "a.txt")
    put(home / "Documents" / "a.txt")
    assert names(home) == ["Dokumente"]


@pytest.mark.parametrize("content", ["no such = [file", 'XDG_DOCUMENTS_DIR="$HOME/"\n', "\x00"])
def test_what_the_desktop_has_spoilt_is_passed_over(home: Path, content: str) -> None:
    put(home / ".config" / "user-dirs.dirs", content)
    put(home / "Nextcloud" / "a.txt")
    assert "Nextcloud" in names(home)
    assert "." not in names(home)


def test_vaults_and_synchronised_folders_are_found_where_they_are(home: Path) -> None:
    vault, dropbox = home / "My Vault", home / "Elsewhere" / "Dropbox"
    put(vault / "a.md")
    put(dropbox / "a.txt")
    entry = {"vaults": {"1": {"path": str(vault)}, "2": {"path": 3}, "3": None}}
    put(home / ".config" / "obsidian" / "obsidian.json", json.dumps(entry))
    put(home / ".dropbox" / "info.json", json.dumps({"personal": {"path": str(dropbox)}}))
    assert names(home) == ["My Vault", "Elsewhere/Dropbox"]


@pytest.mark.parametrize("content", ["", "[]", '{"vaults": []}', '{"vaults": {"1": {}}}', "{"])
def test_what_other_programs_have_spoilt_is_passed_over(home: Path, content: str) -> None:
    put(home / ".config" / "obsidian" / "obsidian.json", content)
    put(home / "Notes" / "a.md")
    assert names(home) == ["Notes"]


def test_no_two_suggestions_overlap_nor_hold_the_home(home: Path, tmp_path: Path) -> None:
    outer, inner = home / "Documents", home / "Documents" / "Vault"
    put(inner / "a.md")
    link = home / "Link"
    link.symlink_to(outer, target_is_directory=True)
    assert chosen([outer, inner, link, home, home.parent], home) == [outer.resolve()]
    assert chosen([inner, outer], home) == [inner.resolve()]
    assert chosen([tmp_path / "gone", put(tmp_path / "file")], home) == []


def test_what_is_watched_is_not_suggested_nor_what_lies_in_it_or_around_it(home: Path) -> None:
    for name in ("Documents", "Music/Albums", "Notes"):
        put(home / name / "a.txt")
    watched = [home / "Documents", home / "Music" / "Albums"]
    found = suggestions(home, 60, watched)
    assert [each.path for each in found] == [home / "Notes"]
    assert suggestions(home, 60, [home]) == []


@pytest.mark.parametrize("name", ["zero\x00byte", "half a letter \udc80"])
def test_what_no_folder_can_be_called_is_passed_over(home: Path, name: str) -> None:
    entry = {"vaults": {"1": {"path": f"{home}/{name}"}}}
    put(home / ".config" / "obsidian" / "obsidian.json", json.dumps(entry))
    if "\x00" not in name:
        put(home / name / "a.md")
    put(home / "Notes" / "a.md")
    assert names(home) == ["Notes"]


def test_a_disk_that_does_not_answer_is_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Nextcloud", "Notes"):
        put(home / name / "a.md")
    hung = HungPaths(monkeypatch)
    hung.hang(home / "Nextcloud")
    try:
        assert names(home) == ["Notes"]
    finally:
        hung.answer_all()


def test_nobody_has_more_to_choose_from_than_can_be_taken_in(home: Path) -> None:
    places = [put(home / str(number) / "a").parent for number in range(20)]
    assert len(chosen(places, home)) == 8


def test_only_files_that_would_be_read_are_counted(home: Path) -> None:
    for name in ("a.txt", "b/c.pdf", "b/.hidden", "node_modules/d.js", "~$office.docx"):
        put(home / "Documents" / name)
    (home / "Documents" / "loop").symlink_to(home, target_is_directory=True)
    folder = home / "Documents"
    assert count_files(folder, time.monotonic() + 60) == (2, True)
    assert count_files(home / "gone", time.monotonic() + 60) == (0, True)


def test_counting_ends_when_the_time_is_up(home: Path) -> None:
    put(home / "Documents" / "a.txt")
    put(home / "Documents" / "b" / "c.txt")
    (found,) = suggestions(home, -1)
    assert (found.files, found.whole) == (1, False)


def test_a_folder_that_holds_files_alone_is_counted_however_late_it_is(home: Path) -> None:
    for name in ("Documents/a.txt", "Documents/b.txt", "Music/c.txt"):
        put(home / name)
    assert [(each.files, each.whole) for each in suggestions(home, -1)] == [(2, True), (1, True)]


@pytest.mark.parametrize(
    ("files", "whole", "said"),
    [
        (None, False, ""),
        (0, False, ""),
        (1, True, "1 file"),
        (1200, True, "1,200 files"),
        (8000, False, "more than 8,000 files"),
    ],
)
def test_how_full_a_folder_is_is_said_roughly(files: int | None, whole: bool, said: str) -> None:
    assert in_words(Suggestion(Path("/files"), files, whole)) == said


def test_an_empty_home_gives_no_suggestion(home: Path) -> None:
    assert names(home) == []
    assert list(candidates(home))
