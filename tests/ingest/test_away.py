"""Disks that go while their files are read: no file is to blame for it, and none is forgotten."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from prismd.errors import ExtractError
from prismd.store import files, jobs
from prismd.store.check import check
from tests.building import Indexer, wait_until
from tests.ingest.passes import CountingPool

OLD, NEW = "The old walrus.", "The new walrus."
WAITING = (
    "SELECT count(*) FROM jobs"
    " WHERE not_before > unixepoch() + 9 AND leased_by IS NULL AND attempts = 0"
)


def begin(indexer: Indexer) -> Path:
    """A file of which one version has been read, and another is queued."""
    indexer.write("stick/a.txt", OLD)
    indexer.run()
    path = indexer.write("stick/a.txt", NEW, age=9)
    indexer.sweep()
    return path


def read_until_it_waits(indexer: Indexer) -> None:
    with indexer.ingesting():
        wait_until(lambda: indexer.rows(WAITING) == [(1,)])


def test_a_file_of_a_disk_within_the_root_that_is_away_is_kept(indexer: Indexer) -> None:
    path = begin(indexer)
    indexer.database.write(lambda c: c.execute("UPDATE files SET device = device + 1"))
    path.unlink()
    read_until_it_waits(indexer)
    assert indexer.texts() == {"stick/a.txt": OLD}
    indexer.write("stick/a.txt", NEW, age=9)
    indexer.run()
    assert indexer.texts() == {"stick/a.txt": NEW}


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.ESTALE, errno.EMFILE, errno.ENOMEM])
def test_what_the_machine_refuses_counts_as_no_attempt(
    indexer: Indexer, pool: CountingPool, number: int
) -> None:
    begin(indexer)

    def refuse(_: str) -> None:
        raise OSError(number, os.strerror(number))

    pool.before = refuse
    read_until_it_waits(indexer)
    assert os.strerror(number) in indexer.progress.fault
    assert indexer.texts() == {"stick/a.txt": OLD}
    pool.before = lambda name: None
    indexer.run()
    assert indexer.texts() == {"stick/a.txt": NEW}
    assert check(indexer.database, repair=False) == []


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
