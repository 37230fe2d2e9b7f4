"""What asking the queue costs, however much is in it."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest

from prismd.store import files, jobs, obstacles
from prismd.store.database import Database
from tests.building import entry


def steps(database: Database, work: Callable[[apsw.Connection], None]) -> int:
    """How many hundreds of the steps of SQLite's machine some work takes."""

    def counted(connection: apsw.Connection) -> int:
        hundreds = 0

        def count() -> bool:
            nonlocal hundreds
            hundreds += 1
            return False

        connection.set_progress_handler(count, 100, id="test")
        try:
            work(connection)
        finally:
            connection.set_progress_handler(None, id="test")
        return hundreds

    return database.write(counted)


def ask_in_vain(connection: apsw.Connection) -> None:
    """What readers ask every few seconds, where there is nothing to read."""
    for slow in (False, True):
        assert jobs.next_due_s(connection, slow=slow) is None
        assert jobs.lease(connection, "us", slow=slow) is None
        assert not jobs.any_outstanding(connection, slow=slow)
    assert jobs.outstanding(connection) == (0, 0)
    assert jobs.in_hand(connection) == 0
    assert not jobs.any_outstanding(connection)


def test_an_empty_queue_is_asked_without_looking_at_any_file(database: Database) -> None:
    """Statistics say nothing of an empty table."""
    root = database.write(lambda c: files.add_root(c, "/d", "config"))
    database.write(lambda c: files.add(c, root.id, [entry(f"/d/{n}") for n in range(5_000)]))
    database.write(lambda c: c.execute("DELETE FROM jobs; ANALYZE").fetchall())
    assert steps(database, ask_in_vain) < 20


@pytest.mark.parametrize("analysed", [False, True])
def test_the_queue_of_a_folder_that_is_offline_is_not_looked_through(
    database: Database, analysed: bool
) -> None:
    root = database.write(lambda c: files.add_root(c, "/usb", "config"))
    names = [f"/usb/{n}{end}" for n in range(2_500) for end in (".txt", ".mp3")]
    database.write(lambda c: files.add(c, root.id, [entry(name) for name in names]))
    database.write(lambda c: files.set_root_state(c, root.id, "offline"))
    if analysed:
        database.write(lambda c: c.execute("ANALYZE").fetchall())
    assert steps(database, ask_in_vain) < 20


def test_what_waits_behind_an_obstacle_is_not_looked_through(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/d", "config"))
    names = [f"/d/stick/{n}" for n in range(5_000)]
    database.write(lambda c: files.add(c, root.id, [entry(name) for name in names]))
    job = database.write(lambda c: jobs.lease(c, "us"))
    assert job is not None
    why = "the disk of /d/stick is not there"
    database.write(lambda c: obstacles.put_disk_behind(c, job.file_id, b"/d/stick", why))
    assert [waiting.files for waiting in database.read(obstacles.waiting)] == [5_000]
    assert steps(database, ask_in_vain) < 20


def test_that_much_is_due_is_told_by_the_first(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/d", "config"))
    database.write(lambda c: files.add(c, root.id, [entry(f"/d/{n}") for n in range(5_000)]))

    def ask(connection: apsw.Connection) -> None:
        assert jobs.any_outstanding(connection)
        assert not jobs.any_outstanding(connection, slow=True)
        assert jobs.next_due_s(connection) == 0
        assert jobs.next_due_s(connection, slow=True) is None
        assert jobs.lease(connection, "us") is not None

    assert steps(database, ask) < 20
