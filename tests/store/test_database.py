from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from prismd.errors import StoreError, StoreLocked
from prismd.store.database import FILE_NAME, Database
from tests.building import put

HOLDER = """
import sys
from pathlib import Path
from prismd.store.database import Database
database = Database(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


COUNT = "SELECT count(*) FROM facts WHERE key != 'uploads since'"


def count(database: Database) -> int:
    return int(database.read(lambda c: c.execute(COUNT).get))


def add_fact(connection: apsw.Connection, key: str) -> None:
    connection.execute("INSERT INTO facts VALUES (?, '')", (key,))


def test_a_second_writer_is_refused_and_a_reader_is_not(data_dir: Path) -> None:
    database = Database(data_dir)
    with pytest.raises(StoreLocked, match="another prismd"):
        Database(data_dir)
    reader = Database(data_dir, writable=False)
    database.write(lambda c: add_fact(c, "a"))
    assert count(reader) == 1
    reader.close()
    database.close()
    Database(data_dir).close()


def test_a_lock_ends_with_the_process_that_holds_it(data_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked):
            Database(data_dir)
        process.kill()
    Database(data_dir).close()


def test_a_reader_of_a_file_at_rest_makes_no_other_beside_it(data_dir: Path) -> None:
    database = Database(data_dir)
    put(database, "/a?b#c.txt", "The walrus.")
    database.close()
    odd = data_dir.rename(data_dir.with_name("odd ?#% näme"))
    before = sorted(path.name for path in odd.iterdir())
    reader = Database(odd, writable=False, at_rest=True)
    try:
        assert reader.read(lambda c: c.execute("SELECT count(*) FROM files").get) == 1
        assert sorted(path.name for path in odd.iterdir()) == before
    finally:
        reader.close()
    assert sorted(path.name for path in odd.iterdir()) == before


def test_a_reader_without_an_index_says_what_to_do(data_dir: Path) -> None:
    with pytest.raises(StoreError, match="prismd run FOLDER"):
        Database(data_dir, writable=False)
    assert not data_dir.exists()


def test_a_reader_cannot_write(data_dir: Path, database: Database) -> None:
    reader = Database(data_dir, writable=False)
    with pytest.raises(StoreError, match="reading only"):
        reader.write(lambda c: add_fact(c, "a"))
    with pytest.raises(apsw.ReadOnlyError):
        reader.read(lambda c: add_fact(c, "a"))
    reader.close()


def test_a_write_that_raises_changes_nothing(database: Database) -> None:
    def half(connection: apsw.Connection) -> None:
        add_fact(connection, "a")
        raise KeyError("half way")

    with pytest.raises(KeyError):
        database.write(half)
    assert count(database) == 0
    database.write(lambda c: add_fact(c, "b"))
    assert count(database) == 1


def test_a_read_sees_one_moment(database: Database) -> None:
    database.write(lambda c: add_fact(c, "a"))

    def twice(connection: apsw.Connection) -> tuple[int, int]:
        first = connection.execute(COUNT).get
        database.write(lambda c: add_fact(c, "b"))
        return first, connection.execute(COUNT).get

    assert database.read(twice) == (1, 1)
    assert count(database) == 2


def test_a_read_that_takes_too_long_is_stopped_and_the_next_one_is_not(database: Database) -> None:
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with pytest.raises(StoreError, match=r"longer than 0\.05 s"):
        database.read(lambda c: c.execute(endless).get, deadline_s=0.05)
    for _ in range(8):  # every connection in turn
        assert count(database) == 0


def test_many_threads_read_and_write_at_once(database: Database) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(20):
                database.write(lambda c, i=i: add_fact(c, f"{number}-{i}"))  # type: ignore[misc]
                assert count(database) > 0
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(database) == 160


def test_everything_in_the_data_directory_is_private(data_dir: Path) -> None:
    before = os.umask(0o022)
    try:
        database = Database(data_dir)
        database.write(lambda c: add_fact(c, "a"))
        assert data_dir.stat().st_mode & 0o777 == 0o700
        modes = {path.name: path.stat().st_mode & 0o077 for path in data_dir.iterdir()}
        assert FILE_NAME in modes
        assert set(modes.values()) == {0}
        database.close()
    finally:
        os.umask(before)


def test_a_full_disk_is_told_in_words_by_every_way_of_writing(database: Database) -> None:
    pages = database.read(lambda c: c.pragma("page_count"))
    database.run_outside_transaction(lambda c: c.pragma("max_page_count", pages + 5))

    def fill(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO facts VALUES ('big', ?)", ("x" * 1_000_000,))

    with pytest.raises(StoreError, match="free some disk space"):
        database.write(fill)
    with pytest.raises(StoreError, match="free some disk space"):
        database.submit(fill).result()
    database.run_outside_transaction(lambda c: c.pragma("max_page_count", 1 << 30))
    database.write(fill)
    assert count(database) == 1


def test_a_damaged_file_is_told_in_words(data_dir: Path) -> None:
    database = Database(data_dir)
    put(database, "/d/a.txt", "Some words.")
    root, size = database.read(
        lambda c: (
            c.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'passages'").get,
            c.pragma("page_size"),
        )
    )
    database.close()
    with (data_dir / FILE_NAME).open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    damaged = Database(data_dir)
    with pytest.raises(StoreError, match="prismd check"):
        damaged.read(lambda c: c.execute("SELECT * FROM passages").fetchall())
    with pytest.raises(StoreError, match="prismd check"):
        damaged.write(lambda c: c.execute("DELETE FROM passages"))
    damaged.close()


def test_closed_is_closed(data_dir: Path) -> None:
    database = Database(data_dir)
    database.close()
    database.close()
    with pytest.raises(StoreError, match="closed"):
        count(database)
    with pytest.raises(StoreError, match="closed"):
        database.write(lambda c: add_fact(c, "a"))


def test_what_was_queued_is_written_before_it_closes(data_dir: Path) -> None:
    database = Database(data_dir)
    for number in range(50):
        database.submit(lambda c, n=number: add_fact(c, str(n)))  # type: ignore[misc]
    database.close()
    again = Database(data_dir, writable=False)
    assert count(again) == 50
    again.close()


def test_what_was_written_is_counted_and_what_was_only_looked_at_is_not(database: Database) -> None:
    before = database.changes
    database.write(lambda c: c.execute("UPDATE facts SET value = '' WHERE key = 'none'"))
    assert database.changes == before
    database.write(lambda c: add_fact(c, "a"))
    assert database.changes > before
