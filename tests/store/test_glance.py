from __future__ import annotations

from functools import partial

import apsw

from prismd.store import files, jobs
from prismd.store.database import FILE_NAME, Database
from prismd.store.glance import glance, skim
from prismd.store.migrate import newest
from tests.building import entry, put

LARGE = (
    "CREATE TABLE large AS WITH RECURSIVE rows (n) AS"
    " (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < 100000) SELECT n FROM rows"
)


def refuse(connection: apsw.Connection, file_id: int, code: str) -> None:
    files.end_without_document(connection, file_id, "failed", code=code, message="why", sha256=None)


def test_an_empty_index_has_little_to_tell(database: Database) -> None:
    found = database.read(glance)
    assert (found.schema, found.states, found.newest_s) == (newest(), {}, 0)
    assert (found.unreadable, found.pending_bytes, found.completed_bytes) == (0, 0, 0)


def test_files_are_counted_with_their_bytes(database: Database) -> None:
    put(database, "/a.txt", "x" * 100, mtime_s=5)
    database.write(lambda c: files.add(c, None, [entry("/b.txt", "y" * 30, mtime_s=9)]))
    found = database.read(glance)
    assert found.states == {"completed": 1, "pending": 1}
    assert (found.completed_bytes, found.pending_bytes, found.newest_s) == (100, 30, 9)


def test_files_that_may_not_be_read_are_counted_apart(database: Database) -> None:
    for number, code in enumerate(("permission", jobs.UNREADABLE, "broken")):
        file_id = put(database, f"/{number}.txt", "text")
        database.write(partial(refuse, file_id=file_id, code=code))
    assert database.read(glance).unreadable == 2


def test_a_sound_file_is_looked_through_to_its_end(database: Database) -> None:
    put(database, "/a.txt", "The walrus.")
    assert skim(database, 60) == ([], True)


def test_a_look_that_takes_too_long_is_broken_off(database: Database) -> None:
    database.write(lambda c: c.execute(LARGE).fetchall())
    assert skim(database, 0) == ([], False)
    assert skim(database, 60) == ([], True)


def test_damage_is_told(database: Database) -> None:
    for number in range(200):
        put(database, f"/{number}.txt", f"{number} walruses " * 50)
    database.close()
    path = database.path.with_name(FILE_NAME)
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        stream.write(b"\xa5" * 20_000)
    again = Database(path.parent, writable=False, at_rest=True)
    try:
        damage, _ = skim(again, 60)
    finally:
        again.close()
    assert damage
