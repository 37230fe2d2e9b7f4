"""Sweeps of real folders; the index must come to what is on disk, whatever happened to it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from prismd.store import files
from prismd.watch import Rules, Walk, sweep
from tests.building import write_file
from tests.watch.watched import Watched, counts


def test_what_is_new_is_queued_once(watched: Watched) -> None:
    watched.write("a.txt")
    watched.write("deep/er/b.txt")
    assert counts(watched.sweep()) == (2, 2, 0, 0, 0)
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)
    assert watched.read_all() == ["a.txt", "deep/er/b.txt"]
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)
    assert watched.read_all() == []


def test_a_change_of_content_time_or_identity_is_a_change(watched: Watched) -> None:
    for name in ("size", "time", "identity", "same"):
        watched.write(name)
    watched.pass_()
    watched.write("size", "xx")
    watched.write("time", age=5)
    other = watched.write("other")
    other.replace(watched.folder / "identity")
    found = watched.sweep()
    assert counts(found) == (4, 0, 3, 0, 0)
    assert watched.read_all() == ["identity", "size", "time"]


def test_what_is_gone_is_forgotten(watched: Watched) -> None:
    watched.write("a/b/c.txt")
    watched.write("a/d.txt")
    watched.write("e.txt")
    watched.pass_()
    shutil.rmtree(watched.folder / "a")
    assert counts(watched.sweep()) == (1, 0, 0, 0, 2)
    assert watched.names() == ["e.txt"]


def test_a_move_reads_nothing_and_keeps_the_file(watched: Watched) -> None:
    for number in range(10):
        watched.write(f"old/{number}.txt", f"text {number}")
    watched.pass_()
    before = watched.ids()
    (watched.folder / "old").rename(watched.folder / "new")
    found = watched.sweep()
    assert counts(found) == (10, 0, 0, 10, 0)
    assert watched.read_all() == []
    assert watched.ids() == {name.replace("old/", "new/"): id_ for name, id_ in before.items()}


def test_files_that_swap_their_names_end_right(watched: Watched) -> None:
    first, second = watched.write("a", "first"), watched.write("b", "second one")
    watched.pass_()
    first.rename(watched.folder / "c")
    second.rename(first)
    (watched.folder / "c").rename(second)
    watched.sweep()
    assert set(watched.read_all()) == {"a", "b"}
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)


def test_a_move_onto_another_file_ends_right(watched: Watched) -> None:
    source, _ = watched.write("a", "new content"), watched.write("b", "old")
    watched.pass_()
    source.replace(watched.folder / "b")
    watched.sweep()
    assert watched.read_all() == ["b"]
    assert watched.names() == ["b"]


def test_a_move_of_a_file_that_also_changed_is_read(watched: Watched) -> None:
    path = watched.write("a", "x")
    watched.pass_()
    path.rename(watched.folder / "b")
    watched.write("b", "changed", age=9)
    watched.sweep()
    assert watched.read_all() == ["b"]
    assert watched.names() == ["b"]


def test_hard_links_are_files_each(watched: Watched) -> None:
    path = watched.write("a", "x")
    os.link(path, watched.folder / "b")
    assert watched.pass_() == ["a", "b"]
    path.rename(watched.folder / "c")
    watched.pass_()
    assert watched.names() == ["b", "c"]
    shutil.move(watched.folder / "b", watched.folder / "d")
    shutil.move(watched.folder / "c", watched.folder / "e")
    watched.pass_()
    assert watched.names() == ["d", "e"]


def test_a_folder_that_vanishes_is_offline_and_forgets_nothing(watched: Watched) -> None:
    watched.write("a")
    watched.pass_()
    away = watched.folder.with_name("away")
    watched.folder.rename(away)
    assert watched.sweep().offline
    assert watched.names() == ["a"]
    assert watched.database.read(files.roots)[0].state == "offline"
    away.rename(watched.folder)
    found = watched.sweep()
    assert not found.offline
    assert counts(found) == (1, 0, 0, 0, 0)
    assert watched.database.read(files.roots)[0].state == "watching"
    assert watched.read_all() == []


def test_a_folder_that_becomes_a_file_is_offline(watched: Watched) -> None:
    watched.write("a")
    watched.pass_()
    shutil.rmtree(watched.folder)
    watched.folder.write_text("not a folder")
    assert watched.sweep().offline
    assert watched.names() == ["a"]


def too_deep(folder: Path) -> Path:
    """Make a folder whose path is longer than the system can take, so that not even root can
    list it by its path; returns its parent.
    """
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(24):
            Path("d" * 200).mkdir(exist_ok=True)
            os.chdir("d" * 200)
        Path("inside").write_text("x")
    finally:
        os.chdir(before)
    return folder / ("d" * 200)


def test_what_is_in_a_folder_that_cannot_be_read_is_not_forgotten(watched: Watched) -> None:
    watched.write("good/a")
    watched.write("hidden away/b")
    watched.pass_()
    too_deep(watched.folder)
    found = watched.sweep()
    assert len(found.unreadable) == 1
    # A row below it, as from the time when it could be read.
    inside = os.fsencode(found.unreadable[0]) + b"/inside"
    watched.database.write(lambda c: files.add(c, 1, [files.Entry(inside, 1, 1, 1, 1)]))
    shutil.rmtree(watched.folder / "good")
    found = watched.sweep()
    assert found.removed == 1
    assert inside in watched.database.read(lambda c: files.known(c, 1))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_loses_nothing(watched: Watched) -> None:
    watched.write("private/a")
    watched.pass_()
    (watched.folder / "private").chmod(0)
    try:
        assert counts(watched.sweep()) == (0, 0, 0, 0, 0)
        assert watched.names() == ["private/a"]
    finally:
        (watched.folder / "private").chmod(0o700)


def test_a_file_that_takes_a_folders_place_and_back(watched: Watched) -> None:
    watched.write("x/a.txt")
    watched.pass_()
    shutil.rmtree(watched.folder / "x")
    watched.write("x")
    assert watched.pass_() == ["x"]
    assert watched.names() == ["x"]
    (watched.folder / "x").unlink()
    watched.write("x/a.txt")
    assert watched.pass_() == ["x/a.txt"]
    assert watched.names() == ["x/a.txt"]


def test_a_root_that_is_a_file_systems_root_or_ends_in_a_slash(tmp_path: Path) -> None:
    write_file(tmp_path / "a.txt", "x")
    entries = list(Walk(str(tmp_path), Rules()).entries())
    assert [entry.path for entry in entries] == [os.fsencode(tmp_path / "a.txt")]


def test_a_file_that_moves_between_folders_is_one_file_in_the_end(
    watched: Watched, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    watched.database.write(lambda c: files.add_root(c, str(other), "config"))
    path = watched.write("a", "x")
    roots = {root.path: root for root in watched.database.read(files.roots)}
    for root in roots.values():
        sweep(watched.database, root, Rules())
    path.rename(other / "a")
    for root in roots.values():
        sweep(watched.database, root, Rules())
    for root in roots.values():
        sweep(watched.database, root, Rules())
    paths = watched.database.read(lambda c: c.execute("SELECT path FROM files").fetchall())
    assert paths == [(str(other / "a"),)]
