"""What the system tells of changes, on real folders."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.watch.events import Hints, SystemEvents
from prismd.watch.inotify import WatchLimit, watched_of
from tests.watch.watched import unprivileged

_PATIENCE_S = 120.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="macOS watches a whole tree at once")


class Told:
    """A folder, and what is told of it."""

    def __init__(self, folder: Path, *, by_folder: bool, limit: WatchLimit | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.events = SystemEvents(os.fsencode(folder), limit or WatchLimit(), by_folder=by_folder)
        self.shortage = ""

    def folders(self) -> dict[bytes, int]:
        return {
            os.fsencode(path): path.stat().st_ino
            for path in (self.folder, *self.folder.rglob("*"))
            if path.is_dir()
        }

    def cover(self) -> set[str]:
        """Cover all that there is; gives what is left out, relative to the folder."""
        cover = self.events.cover(self.folders())
        self.shortage = cover.shortage
        return {str(Path(os.fsdecode(path)).relative_to(self.folder)) for path in cover.left}

    def expect(self, name: str) -> Hints:
        """Wait until something is told of a path."""
        wanted = os.fsencode(self.folder / name)
        heard: set[bytes] = set()
        for _ in range(int(_PATIENCE_S)):
            hints = self.events.wait(1.0)
            heard |= hints.paths
            if wanted in heard:
                return hints
        raise AssertionError(f"nothing was told of {name}, but of {heard}")


@pytest.fixture(params=[pytest.param(True, marks=linux), False], ids=["by folder", "whole tree"])
def told(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Told]:
    made = Told(tmp_path / "root", by_folder=request.param)
    yield made
    made.events.close()


@pytest.fixture
def by_folder(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path / "root", by_folder=True)
    yield made
    made.events.close()


def test_every_kind_of_change_is_told(told: Told) -> None:
    (told.folder / "deep" / "er").mkdir(parents=True)
    for name in ("written", "renamed", "deleted", "chmodded", "touched", "linked"):
        (told.folder / "deep" / "er" / name).write_text("x")
    assert told.cover() == set()
    deep = told.folder / "deep" / "er"
    (deep / "new").write_text("x")
    told.expect("deep/er/new")
    (deep / "written").write_text("y")
    told.expect("deep/er/written")
    (deep / "renamed").rename(deep / "other")
    told.expect("deep/er/other")
    (deep / "deleted").unlink()
    told.expect("deep/er/deleted")
    (deep / "chmodded").chmod(0o600)
    told.expect("deep/er/chmodded")
    os.utime(deep / "touched", (1, 1))
    told.expect("deep/er/touched")
    os.link(deep / "linked", deep / "second name")
    told.expect("deep/er/second name")
    (deep / "folder").mkdir()
    told.expect("deep/er/folder")
    shutil.rmtree(deep)
    told.expect("deep/er")


def test_a_file_that_is_renamed_is_told_at_both_places(told: Told) -> None:
    (told.folder / "a").mkdir()
    (told.folder / "b").mkdir()
    (told.folder / "a" / "x").write_text("x")
    told.cover()
    (told.folder / "a" / "x").rename(told.folder / "b" / "y")
    heard: set[bytes] = set()
    while not {os.fsencode(told.folder / name) for name in ("a/x", "b/y")} <= heard:
        found = told.events.wait(_PATIENCE_S).paths
        assert found
        heard |= found


def test_a_folder_that_is_moved_in_is_told_by_its_top(told: Told, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    told.cover()
    outside.rename(told.folder / "inside")
    told.expect("inside")
    told.cover()
    (told.folder / "inside" / "inner" / "new").write_text("x")
    told.expect("inside/inner/new")


def test_a_tree_that_is_made_at_once_is_told_by_its_top(told: Told) -> None:
    told.cover()
    (told.folder / "a" / "b" / "c").mkdir(parents=True)
    (told.folder / "a" / "b" / "c" / "file").write_text("x")
    told.expect("a")


@linux
def test_a_folder_that_is_made_anew_is_deaf_until_it_is_covered_again(by_folder: Told) -> None:
    told = by_folder
    anew = told.folder / "anew"
    for _ in range(3):  # an inode is often given out again at once
        anew.mkdir(exist_ok=True)
        told.cover()
        shutil.rmtree(anew)
        anew.mkdir()
        assert told.expect("anew").deaf
        cover = told.events.cover(told.folders())
        assert os.fsencode(anew) in cover.fresh
        (anew / "file").write_text("x")
        told.expect("anew/file")
        shutil.rmtree(anew)
        told.expect("anew")


def test_what_is_covered_anew_is_fresh_only_where_it_was_not_covered(by_folder: Told) -> None:
    told = by_folder
    (told.folder / "a").mkdir()
    assert told.events.cover(told.folders()).fresh == told.folders().keys()
    (told.folder / "b").mkdir()
    cover = told.events.cover(told.folders())
    assert cover.fresh == {os.fsencode(told.folder / "b")}
    assert told.events.cover({}).fresh == frozenset()
    assert told.events.cover(told.folders()).fresh == told.folders().keys()


def test_a_name_that_is_not_utf8_is_told_as_a_loss(told: Told) -> None:
    told.cover()
    odd = Path(os.fsdecode(os.fsencode(told.folder) + b"/\xff"))
    try:
        odd.write_text("x")
    except OSError:
        pytest.skip("this disk takes no such name")
    for _ in range(int(_PATIENCE_S)):
        if (hints := told.events.wait(1.0)).lost:
            break
    assert hints == Hints(lost=True, deaf=True)
    assert told.events.wait(0.01) == Hints()
    assert told.events.cover(told.folders()).fresh == told.folders().keys()
    (told.folder / "plain").write_text("x")
    told.expect("plain")


@linux
def test_of_a_folder_whose_name_is_not_utf8_nothing_is_told(by_folder: Told) -> None:
    told = by_folder
    odd = os.fsencode(told.folder) + b"/\xff"
    Path(os.fsdecode(odd)).mkdir()
    cover = told.events.cover(told.folders())
    assert cover.left == {odd}
    assert cover.shortage == ""


def test_a_wait_ends_when_it_is_woken_and_owns_up_to_what_it_drops(told: Told) -> None:
    told.cover()
    waiting = threading.Timer(0.2, told.events.wake)
    waiting.start()
    # What was to be told at that moment is dropped.
    assert told.events.wait(_PATIENCE_S).lost
    told.events.wake()
    assert told.events.wait(_PATIENCE_S).lost
    (told.folder / "x").write_text("x")
    told.expect("x")


def test_a_wait_ends_when_nothing_is_covered(tmp_path: Path) -> None:
    events = SystemEvents(os.fsencode(tmp_path), WatchLimit())
    assert events.wait(0.01) == Hints()
    events.wake()
    assert events.wait(_PATIENCE_S) == Hints()
    events.close()


def test_a_wait_for_no_time_ends(told: Told) -> None:
    told.cover()
    assert told.events.wait(0.0) == Hints()
    assert told.events.wait(0.0001) == Hints()


def test_nothing_is_told_when_it_is_closed(told: Told) -> None:
    told.cover()
    told.events.close()
    (told.folder / "x").write_text("x")
    assert told.events.wait(0.3) == Hints()


def test_a_root_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    for by_folder in (True, False):
        events = SystemEvents(os.fsencode(tmp_path / "no"), WatchLimit(), by_folder=by_folder)
        cover = events.cover({os.fsencode(tmp_path / "no"): 1})
        assert cover.left == {os.fsencode(tmp_path / "no")}
        assert not cover.fresh
        events.close()


@linux
def test_what_is_beyond_the_limit_is_left_and_the_rest_told(tmp_path: Path) -> None:
    limit = WatchLimit(most=3)
    one = Told(tmp_path / "one", by_folder=True, limit=limit)
    two = Told(tmp_path / "two", by_folder=True, limit=limit)
    for name in "abc":
        (one.folder / name).mkdir()
    left = one.cover()
    assert len(left) == 1
    assert "sudo sysctl fs.inotify.max_user_watches=" in one.shortage
    assert two.cover() == {"."}
    (one.folder / "file").write_text("x")
    one.expect("file")
    one.events.close()
    assert two.cover() == set()
    assert two.shortage == ""
    two.events.close()


@pytest.mark.parametrize(
    ("inodes", "certain"),
    [
        ([1, 2, 2, 3], {b"a", b"b", b"c", b"d"}),
        ([1, 2, 3], {b"a", b"d"}),  # of the two with the inode 2, only one is watched
        ([7], set()),
        ([], set()),
    ],
)
def test_two_folders_of_the_same_inode_are_not_taken_for_one(
    inodes: list[int], certain: set[bytes]
) -> None:
    assert watched_of({b"a": 1, b"b": 2, b"c": 2, b"d": 3}, inodes) == certain


def test_the_limit_is_shared_and_given_back() -> None:
    limit = WatchLimit(most=10)
    assert limit.take("a", 7) == 7
    assert limit.take("b", 7) == 3
    assert limit.take("a", 2) == 2
    assert limit.take("b", 7) == 7
    limit.leave("a")
    assert limit.take("b", 20) == 10


@linux
def test_what_happened_before_other_folders_are_covered_is_told_after(by_folder: Told) -> None:
    for number in range(20):
        by_folder.cover()
        (by_folder.folder / f"{number}.txt").write_text("x")
        (by_folder.folder / f"folder{number}").mkdir()
        by_folder.cover()
        by_folder.cover()
        assert os.fsencode(by_folder.folder / f"{number}.txt") in by_folder.events.wait(0.001).paths


def test_a_folder_that_may_not_be_read_is_left_for_no_want_of_room(by_folder: Told) -> None:
    shut = by_folder.folder / "shut"
    shut.mkdir()
    shut.chmod(0)
    folders = by_folder.folders()
    try:
        with unprivileged(by_folder.folder):
            cover = by_folder.events.cover(folders)
    finally:
        shut.chmod(0o755)
    assert cover.left == {os.fsencode(shut)}
    assert cover.shortage == ""
