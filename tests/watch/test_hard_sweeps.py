"""What once made the index differ from the disk for good."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from prismd.store import files, jobs
from prismd.watch import Rules, Sweeper
from prismd.watch.findings import Findings
from prismd.watch.seen import Abandoned
from tests.building import write_file
from tests.watch.watched import Watched, unprivileged


def test_a_folder_that_gave_way_to_a_link_to_it_is_forgotten(
    watched: Watched, tmp_path: Path
) -> None:
    watched.write("large/deep/a.txt")
    watched.write("b.txt")
    watched.sweep()
    (watched.folder / "large").rename(tmp_path / "elsewhere")
    (watched.folder / "large").symlink_to(tmp_path / "elsewhere")
    watched.sweep()
    assert watched.names() == ["b.txt"]


def test_what_changes_below_a_folder_that_could_not_be_listed_for_a_while_is_found(
    watched: Watched,
) -> None:
    watched.write("folder/deep/er/a.txt")
    watched.sweep()
    folder = watched.folder / "folder"
    folder.chmod(0)
    try:
        with unprivileged(watched.folder):
            assert watched.sweep().unreadable == (str(folder),)
    finally:
        folder.chmod(0o755)
    (folder / "deep/er/a.txt").unlink()
    watched.write("folder/deep/b.txt")
    watched.sweep()
    assert watched.names() == ["folder/deep/b.txt"]


def test_where_the_ignore_file_cannot_be_read_nothing_is_taken_and_nothing_forgotten(
    watched: Watched,
) -> None:
    watched.write(".prismignore", "secret.txt")
    watched.write("a.txt")
    watched.sweep()
    watched.write("secret.txt")
    ignore = watched.folder / ".prismignore"
    ignore.chmod(0)
    with unprivileged(watched.folder):
        assert watched.sweep().unreadable == (str(watched.folder),)
    assert watched.names() == ["a.txt"]
    ignore.chmod(0o644)
    watched.write("b.txt")
    watched.sweep()
    assert watched.names() == ["a.txt", "b.txt"]


def test_an_ignore_file_names_what_is_not_utf8(watched: Watched) -> None:
    name = os.fsdecode(b"r\xe9sum\xe9.txt")
    try:
        watched.write(name)
    except OSError:
        pytest.skip("this disk takes no such name")
    (watched.folder / ".prismignore").write_bytes(b"r\xe9*")
    watched.sweep()
    assert watched.names() == []


class _Interrupted(Exception):
    pass


def test_what_was_deleted_while_its_disk_was_away_is_found_though_a_sweep_is_interrupted(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("folder/a.txt", "folder/b.txt"):
        watched.write(name)
    watched.sweep()

    def mount_anew(connection: apsw.Connection) -> None:
        connection.execute("UPDATE files SET device = device + 1")
        connection.execute("UPDATE roots SET device = device + 1")

    watched.database.write(mount_anew)
    (watched.folder / "folder/a.txt").unlink()
    (root,) = watched.database.read(files.roots)
    with monkeypatch.context() as patched:

        def interrupt(*_: object) -> None:
            raise _Interrupted

        patched.setattr(Findings, "remove", interrupt)
        with pytest.raises(_Interrupted):
            Sweeper(watched.database, root, watched.rules).sweep()
    found = watched.sweep()
    assert (found.unplugged, found.removed) == (0, 1)
    assert watched.names() == ["folder/b.txt"]


def test_a_folder_of_a_disk_with_another_number_whose_files_are_all_new_is_there(
    watched: Watched,
) -> None:
    watched.write("a.txt")
    watched.sweep()
    watched.database.write(lambda c: c.execute("UPDATE roots SET device = device + 1"))
    (watched.folder / "a.txt").unlink()
    write_file(watched.folder / "b.txt", "x")
    assert not watched.sweep().offline
    assert watched.names() == ["b.txt"]


def test_many_folders_that_go_at_once_are_gone(watched: Watched) -> None:
    for number in range(40):
        watched.write(f"folder/{number}/deep/a.txt")
    watched.sweep()
    (watched.folder / "folder").rename(watched.folder.parent / "away")
    (watched.folder / "folder").mkdir()
    (watched.folder.parent / "away" / "7").rename(watched.folder / "folder" / "7")
    watched.sweep()
    assert watched.names() == ["folder/7/deep/a.txt"]
    watched.write("folder/7/deep/b.txt")
    watched.write("folder/8/deep/b.txt")
    watched.sweep()
    assert len(watched.names()) == 3


def test_an_edit_by_one_name_of_a_file_is_found_by_its_other_names(
    watched: Watched, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    path = write_file(other / "a.txt", "x")
    names = (watched.folder / "one" / "b.txt", watched.folder / "two" / "c.txt")
    for name in names:
        name.parent.mkdir()
        os.link(path, name)
    (root,) = watched.database.read(files.roots)
    second = watched.database.write(lambda c: files.add_root(c, str(other), "command"))
    Sweeper(watched.database, second, watched.rules).sweep()
    sweeper = Sweeper(watched.database, root, watched.rules)
    sweeper.sweep()
    watched.read_all()
    path.write_text("another")
    assert sweeper.look_at([os.fsencode(names[0])]).changed == 3
    assert len(watched.read_all()) == 3
    assert (sweeper.sweep().changed, watched.read_all()) == (0, [])


def test_what_went_while_it_was_looked_at_is_looked_at_again_unasked(watched: Watched) -> None:
    watched.write("folder/a.txt")
    (root,) = watched.database.read(files.roots)
    sweeper = Sweeper(watched.database, root, watched.rules)
    sweeper.sweep()
    assert sweeper.doubtful() == set()
    folder = watched.folder / "folder"
    folder.rename(watched.folder / "moved")
    sweeper.relist([os.fsencode(folder)])  # as if nothing had been told of what is around it
    assert watched.names() == []
    sweeper.relist(sweeper.doubtful())
    assert watched.names() == ["moved/a.txt"]
    assert sweeper.doubtful() == set()
    (file_id,) = watched.ids().values()
    watched.database.write(lambda c: jobs.forget(c, file_id))
    sweeper.relist(sweeper.doubtful())
    assert watched.names() == ["moved/a.txt"]


def test_a_folder_is_watched_though_its_ignore_file_cannot_be_read(watched: Watched) -> None:
    watched.write("a.txt")
    ignore = watched.write(".prismignore", "b.txt")
    (root,) = watched.database.read(files.roots)
    sweeper = Sweeper(watched.database, root, watched.rules)
    watched.rules = Rules(exclude=("*",))
    watched.sweep()
    ignore.chmod(0)
    with unprivileged(watched.folder):
        sweeper.sweep()
    assert (watched.names(), set(sweeper.seen)) == ([], {os.fsencode(watched.folder)})
    ignore.chmod(0o644)
    sweeper.look_at([os.fsencode(ignore)])
    assert watched.names() == ["a.txt"]


def test_an_ignore_file_that_moves_counts_from_its_new_folder_on(watched: Watched) -> None:
    watched.write("folder/deep/secret.txt")
    ignore = watched.write(".prismignore", "/deep/secret.txt")
    watched.sweep()
    assert watched.names() == ["folder/deep/secret.txt"]
    ignore.rename(watched.folder / "folder/.prismignore")
    watched.sweep()
    assert watched.names() == []


def test_a_sweep_that_was_given_up_says_nothing_of_its_root(
    watched: Watched, tmp_path: Path
) -> None:
    (root,) = watched.database.read(files.roots)
    sweeper = Sweeper(watched.database, root, Rules())
    sweeper.sweep()
    sweeper.abandon()
    watched.folder.rename(tmp_path / "away")
    with pytest.raises(Abandoned):
        sweeper.sweep()
    assert [root.state for root in watched.database.read(files.roots)] == ["watching"]
