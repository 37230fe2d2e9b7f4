"""Sweeps of real folders; the index must come to what is on disk, whatever happened to it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from prismd.disk.looking import look
from prismd.store import files, folders, jobs
from prismd.store.database import Database
from prismd.store.files import Known
from prismd.watch import Rules, Sweeper, sweep
from prismd.watch.errand import Errand
from prismd.watch.findings import Findings
from prismd.watch.pulse import Pulse
from tests.building import write_file
from tests.watch.watched import Watched, counts, unprivileged


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


def test_what_is_in_a_folder_that_cannot_be_read_is_not_forgotten(watched: Watched) -> None:
    watched.write("good/a")
    watched.write("private/b")
    watched.write("private/deeper/c")
    watched.pass_()
    private = watched.folder / "private"
    private.chmod(0)
    shutil.rmtree(watched.folder / "good")
    with unprivileged(watched.folder):
        for _ in range(2):
            found = watched.sweep()
            assert found.unreadable == (str(private),)
            assert watched.names() == ["private/b", "private/deeper/c"]
    private.chmod(0o755)
    (private / "b").unlink()
    found = watched.sweep()
    assert (found.unreadable, found.removed) == ((), 1)
    assert watched.names() == ["private/deeper/c"]


def test_what_is_in_a_folder_that_may_be_listed_only_is_not_forgotten(watched: Watched) -> None:
    watched.write("listed/a")
    watched.write("listed/deeper/b")
    watched.pass_()
    (watched.folder / "listed").chmod(0o744)
    with unprivileged(watched.folder):
        assert counts(watched.sweep()) == (2, 0, 0, 0, 0)
        assert watched.names() == ["listed/a", "listed/deeper/b"]
    (watched.folder / "listed").chmod(0o755)
    shutil.rmtree(watched.folder / "listed" / "deeper")
    watched.sweep()
    assert watched.names() == ["listed/a"]


def test_a_file_that_may_be_read_again_is_looked_at_again(watched: Watched) -> None:
    path = watched.write("a")
    watched.pass_()
    path.chmod(0)
    assert watched.pass_() == ["a"]
    path.chmod(0o644)
    assert watched.pass_() == ["a"]


def test_another_content_of_the_same_size_and_time_is_a_change(watched: Watched) -> None:
    path = watched.write("a", "old")
    watched.pass_()
    before = path.stat()
    path.write_text("new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watched.pass_() == ["a"]


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


def test_a_file_systems_root_is_a_root(data_dir: Path) -> None:
    rules = Rules(include=("/etc/hostname", "/etc/passwd"), exclude=("/*", "!/etc", "/etc/*/"))
    with contextlib.closing(Database(data_dir)) as database:
        root = database.write(lambda c: files.add_root(c, "/", "config"))
        sweep(database, root, rules)
        assert b"/etc/passwd" in database.read(lambda c: files.known(c, root.id))


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


def test_another_file_with_number_size_and_time_of_one_that_has_gone_is_hashed(
    watched: Watched,
) -> None:
    """Archives may give all their files one time, and disks use the numbers of files again."""
    path = watched.write("a.txt", "walrus", age=100)
    watched.pass_()
    kept = path.stat()
    path.rename(watched.folder / "b.txt")
    (watched.folder / "b.txt").write_text("turtle")
    os.utime(watched.folder / "b.txt", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert watched.pass_() == ["b.txt"]


def test_files_whose_folder_was_moved_are_not_even_hashed(watched: Watched) -> None:
    watched.write("folder/a.txt", "walrus")
    watched.pass_()
    (watched.folder / "folder").rename(watched.folder / "renamed")
    found = watched.sweep()
    assert (found.moved, found.jobs) == (1, 0)


def test_a_link_to_what_was_replaced_leaves_both_files(watched: Watched) -> None:
    path = watched.write("a", "old")
    watched.pass_()
    os.link(path, watched.folder / "a.bak")
    watched.write("new", "another").replace(path)
    watched.sweep()
    assert watched.names() == ["a", "a.bak"]
    assert watched.read_all() == ["a", "a.bak"]
    assert counts(watched.sweep()) == (2, 0, 0, 0, 0)


def test_what_a_reader_forgot_while_its_folder_was_away_is_found_again(watched: Watched) -> None:
    """Neither the folder nor what is in it has changed since it was looked at."""
    watched.write("folder/a")
    watched.sweep()
    watched.database.write(lambda c: jobs.forget(c, watched.ids()["folder/a"]))
    assert watched.names() == []
    watched.sweep()
    assert watched.names() == ["folder/a"]


def test_what_is_forgotten_while_a_sweep_writes_it_down_is_kept(watched: Watched) -> None:
    for name in ("changed", "moved/a", "same"):
        watched.write(name)
    watched.pass_()
    (root,) = watched.database.read(files.roots)
    known = watched.database.read(lambda c: files.known(c, root.id))
    watched.database.write(lambda c: files.remove(c, [row.id for row in known.values()]))
    findings = Findings(Errand(watched.database, root, Pulse()))
    for path, row in known.items():
        entry = look(os.fsdecode(path))
        (findings.same if path.endswith(b"same") else findings.differs)(row.id, entry)
    findings.write()
    assert watched.names() == ["changed", "moved/a", "same"]
    assert watched.read_all() == ["changed", "moved/a", "same"]


def two_roots(watched: Watched, tmp_path: Path) -> tuple[Path, Sweeper, Sweeper]:
    other = tmp_path / "other"
    other.mkdir()
    watched.database.write(lambda c: files.add_root(c, str(other), "config"))
    roots = {root.path: root for root in watched.database.read(files.roots)}
    one, two = roots[str(watched.folder)], roots[str(other)]
    sweepers = [Sweeper(watched.database, root, Rules()) for root in (one, two)]
    for sweeper in sweepers:
        sweeper.sweep()
    return other, sweepers[0], sweepers[1]


def test_a_folder_that_was_in_another_root_for_a_moment_is_kept(
    watched: Watched, tmp_path: Path
) -> None:
    watched.write("folder/a")
    other, mine, others = two_roots(watched, tmp_path)
    (watched.folder / "folder").rename(other / "folder")
    assert others.sweep().moved == 1
    (other / "folder").rename(watched.folder / "folder")
    others.sweep()
    mine.sweep()
    assert watched.names() == ["folder/a"]


def test_a_link_to_a_file_of_a_root_that_is_away_does_not_take_it_over(
    watched: Watched, tmp_path: Path
) -> None:
    other, mine, _ = two_roots(watched, tmp_path)
    path = write_file(other / "a", "x")
    sweep(watched.database, watched.database.read(files.roots)[0], Rules())
    os.link(path, watched.folder / "b")
    other.rename(tmp_path / "away")
    mine.sweep()
    paths = watched.database.read(lambda c: c.execute("SELECT path FROM files").fetchall())
    assert sorted(paths) == [(str(path),), (str(watched.folder / "b"),)]


def test_a_link_that_its_own_root_has_forgotten_meanwhile_is_left_to_it(
    watched: Watched, tmp_path: Path
) -> None:
    path = watched.write("a")
    other, _, others = two_roots(watched, tmp_path)
    link = other / "b"
    link.hardlink_to(path)
    others.sweep()

    def at(path: Path) -> Known | None:
        return watched.database.read(lambda c: folders.at(c, os.fsencode(path)))

    at_a, at_b = at(path), at(link)
    assert at_a is not None and at_b is not None
    _, root = watched.database.read(files.roots)
    findings = Findings(Errand(watched.database, root, Pulse()))
    path.write_text("longer")
    findings.differs(at_a.id, look(str(path)))
    watched.database.write(lambda c: files.remove(c, [at_b.id]))
    findings.write()
    assert at(link) is None


def test_patterns_around_a_folder_count_for_what_changed_in_it_meanwhile(
    watched: Watched,
) -> None:
    watched.write("folder/a")
    (root,) = watched.database.read(files.roots)
    sweeper = Sweeper(watched.database, root, Rules())
    sweeper.sweep()
    watched.write("folder/b")
    watched.write(".prismignore", "folder/")
    changed = ("folder", "folder/b", ".prismignore")
    sweeper.look_at([os.fsencode(watched.folder / name) for name in changed])
    assert watched.names() == []
    watched.write(".prismignore", "c")
    watched.write("folder/c")
    sweeper.look_at([os.fsencode(watched.folder / name) for name in (".prismignore",)])
    assert watched.names() == ["folder/a", "folder/b"]
    watched.write(".prismignore", "b")
    watched.write("folder/d")
    sweeper.look_at([os.fsencode(watched.folder / name) for name in changed])
    assert watched.names() == ["folder/a", "folder/c", "folder/d"]


def test_a_folder_of_which_the_index_has_nothing_may_be_excluded_too(watched: Watched) -> None:
    (watched.folder / "folder").mkdir()
    (root,) = watched.database.read(files.roots)
    sweeper = Sweeper(watched.database, root, Rules())
    sweeper.sweep()
    watched.write("folder/a")
    watched.write(".prismignore", "folder/")
    changed = ("folder", "folder/a", ".prismignore")
    sweeper.look_at([os.fsencode(watched.folder / name) for name in changed])
    assert watched.names() == []
    assert set(sweeper.seen) == {os.fsencode(watched.folder)}
