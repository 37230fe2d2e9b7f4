"""Disks that go while their files are read: no file is to blame for it, and none is forgotten."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import apsw
import pytest

from prismd.disk.looking import disk_of
from prismd.errors import ExtractError
from prismd.store import files, jobs, obstacles
from prismd.store.check import check
from tests.building import Indexer, wait_until
from tests.ingest.passes import CountingPool
from tests.silence import refuse_to_list

OLD, NEW = "The old walrus.", "The new walrus."


def begin(indexer: Indexer) -> Path:
    """A file of which one version has been read, and another is queued."""
    indexer.write("stick/a.txt", OLD)
    indexer.run()
    path = indexer.write("stick/a.txt", NEW, age=9)
    indexer.sweep()
    return path


def waiting(indexer: Indexer) -> list[tuple[str, str, int]]:
    return [(w.kind, w.why, w.files) for w in indexer.database.read(obstacles.waiting)]


def read_all_that_can_be(indexer: Indexer) -> None:
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
    assert indexer.rows("SELECT sum(attempts) FROM jobs") == [(0,)]
    assert indexer.database.read(jobs.outstanding) == (0, 0)
    assert indexer.database.read(jobs.outstanding_by_root) == []


def unplug_stick(indexer: Indexer) -> Path:
    """Leave its mount point bare, as far as the index can tell; gives where the files are."""
    away = indexer.folder.with_name("away")
    (indexer.folder / "stick").rename(away)
    (indexer.folder / "stick").mkdir()
    indexer.database.write(
        lambda c: c.execute("UPDATE files SET device = device + 1 WHERE path LIKE '%/stick/%'")
    )
    return away


def plug_stick(indexer: Indexer, away: Path) -> None:
    (indexer.folder / "stick").rmdir()
    away.rename(indexer.folder / "stick")


def test_a_pass_ends_while_files_wait_for_a_disk_within_the_root(indexer: Indexer) -> None:
    begin(indexer)
    for number in range(9):
        indexer.write(f"stick/{number}.txt", f"Walrus {number}.")
    indexer.write("b.txt", "A penguin.")
    indexer.sweep()
    away = unplug_stick(indexer)
    read_all_that_can_be(indexer)
    assert indexer.texts() == {"stick/a.txt": OLD, "b.txt": "A penguin."}
    stick = indexer.root.path + "/stick"
    assert waiting(indexer) == [("disk", f"the disk of {stick} is not there", 10)]
    assert check(indexer.database, repair=False) == []
    plug_stick(indexer, away)
    indexer.run()
    assert indexer.texts()["stick/a.txt"] == NEW
    assert len(indexer.texts()) == 11
    assert waiting(indexer) == []


def test_a_disk_that_is_back_is_found_so_by_one_file_for_all(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prismd.store.obstacles.LOOK_S", 3600.0)  # its turn would never come
    begin(indexer)
    for number in range(9):
        indexer.write(f"stick/{number}.txt", f"Walrus {number}.")
    indexer.sweep()
    away = unplug_stick(indexer)
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        indexer.database.write(obstacles.look_soon)
        ingest.wake()
        wait_until(lambda: indexer.rows("SELECT look_at > 0 FROM obstacles") == [(1,)])
        wait_until(ingest.idle)
        assert [number for _, _, number in waiting(indexer)] == [10]  # it is still away
        plug_stick(indexer, away)
        indexer.sweep()
        ingest.wake()
        wait_until(lambda: len(indexer.texts()) == 10)
        wait_until(ingest.idle)
    assert indexer.texts()["stick/a.txt"] == NEW


def test_a_file_below_one_that_was_a_folder_has_gone(indexer: Indexer, pool: CountingPool) -> None:
    begin(indexer)

    def replace(_: str) -> None:
        (indexer.folder / "stick").rename(indexer.folder.with_name("elsewhere"))
        (indexer.folder / "stick").write_text("no folder")

    pool.before = replace
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
    assert indexer.states() == {}


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.ESTALE, errno.EMFILE, errno.ENOMEM])
def test_what_the_system_refuses_counts_as_no_attempt(
    indexer: Indexer, pool: CountingPool, number: int
) -> None:
    begin(indexer)

    def refuse(_: str) -> None:
        raise OSError(number, os.strerror(number))

    pool.before = refuse
    read_all_that_can_be(indexer)
    why = f"the system lets nobody read now ({os.strerror(number)})"
    assert waiting(indexer) == [("system", why, 1)]
    assert indexer.texts() == {"stick/a.txt": OLD}
    pool.before = lambda name: None
    indexer.run()
    assert indexer.texts() == {"stick/a.txt": NEW}
    assert check(indexer.database, repair=False) == []


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_refuses_itself_is_not_asked_for_one_file_after_the_other(
    indexer: Indexer, pool: CountingPool, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take minutes to refuse each."""
    refuse_to_list(monkeypatch, indexer.root.path)
    for name in range(20):
        indexer.write(f"{name}.txt", f"Walrus {name}.")
    indexer.sweep()

    def refuse(_: str) -> None:
        raise OSError(number, os.strerror(number))

    pool.before = refuse
    read_all_that_can_be(indexer)
    assert len(pool.read) < 5  # by those who had it in hand already
    point = disk_of(os.fsencode(indexer.root.path)).point.decode()
    why = f"the disk of {point} gives nothing out ({os.strerror(number)})"
    assert waiting(indexer) == [("disk", why, 20)]
    assert set(indexer.states().values()) == {("pending", "")}
    pool.before = lambda name: None
    indexer.run()
    assert len(indexer.texts()) == 20


def test_one_file_that_is_refused_keeps_no_other_from_being_read(
    indexer: Indexer, pool: CountingPool
) -> None:
    """Such as one that is kept elsewhere, where there is no network."""
    begin(indexer)
    for name in range(9):
        indexer.write(f"{name}.txt", f"Walrus {name}.")
    indexer.sweep()

    def refuse(name: str) -> None:
        if name == "a.txt":
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    pool.before = refuse
    read_all_that_can_be(indexer)
    assert len(indexer.texts()) == 10
    assert [(kind, number) for kind, _, number in waiting(indexer)] == [("system", 1)]


def test_a_trial_that_tells_nothing_is_followed_by_another_at_once(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prismd.ingest.crew.IDLE_WAIT_S", 3600.0)  # a wait would never end

    def wait(connection: apsw.Connection) -> None:
        for file_id in connection.execute("SELECT id FROM files").fetchall():
            obstacles.put_behind(connection, int(file_id[0]), "disk", "it is not there")  # type: ignore[arg-type]
        obstacles.look_soon(connection)

    with indexer.ingesting() as ingest:
        ingest.pause()
        for name in range(9):
            indexer.write(f"{name}.txt", "")  # nothing is read of what is empty
        indexer.write("good.txt", "The walrus.", age=99)
        indexer.sweep()
        indexer.database.write(wait)
        ingest.resume()
        ingest.wake()
        wait_until(lambda: indexer.texts() == {"good.txt": "The walrus."})
        wait_until(ingest.idle)
    assert waiting(indexer) == []


def test_a_parser_that_fails_on_a_disk_that_went_meanwhile_fails_no_file(
    indexer: Indexer, pool: CountingPool
) -> None:
    begin(indexer)
    away = indexer.folder.with_name("away")

    def unplug(_: str) -> None:
        indexer.folder.rename(away)

    pool.before = unplug
    with indexer.ingesting():
        wait_until(lambda: indexer.root.state == "offline")
    pool.before = lambda name: None
    assert indexer.texts() == {"stick/a.txt": OLD}
    assert indexer.states() == {"stick/a.txt": ("pending", "")}
    away.rename(indexer.folder)
    indexer.run()
    assert indexer.texts() == {"stick/a.txt": NEW}


def test_a_parser_that_fails_on_a_file_that_changed_meanwhile_is_asked_again(
    indexer: Indexer, pool: CountingPool
) -> None:
    begin(indexer)

    def change(_: str) -> None:
        pool.before = lambda name: None
        indexer.write("stick/a.txt", "The newest walrus.", age=19)
        raise ExtractError("half of it is missing", code="broken")

    pool.before = change
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
    assert indexer.texts() == {"stick/a.txt": "The newest walrus."}


def test_what_a_disk_could_not_give_out_is_read_once_it_is_back(indexer: Indexer) -> None:
    begin(indexer)
    (file_id,) = (int(str(row[0])) for row in indexer.rows("SELECT id FROM files"))
    indexer.database.write(
        lambda c: files.end_without_document(
            c, file_id, "quarantined", code=jobs.UNREADABLE, message="bad sector", sha256=None
        )
    )
    indexer.run()
    assert indexer.states() == {"stick/a.txt": ("quarantined", "unreadable")}
    root = indexer.root
    indexer.database.write(lambda c: files.set_root_state(c, root.id, "offline"))
    indexer.run()
    assert indexer.texts() == {"stick/a.txt": NEW}
