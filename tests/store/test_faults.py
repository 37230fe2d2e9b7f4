"""What keeps SQLite from its file: a fault of the computer is told in words, one of ours is not."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from prismd.errors import StoreError
from prismd.store.database import FILE_NAME, Database
from tests.watch.watched import unprivileged

BLOCKER = """
import sys
import apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def fill(connection: apsw.Connection) -> None:
    connection.execute("INSERT INTO facts VALUES ('big', ?)", ("x" * 1_000_000,))


@contextlib.contextmanager
def no_file_grows() -> Iterator[None]:
    """Have the system refuse whatever this process writes to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def short_of_memory() -> Iterator[None]:
    """Give SQLite no more memory than it has."""
    apsw.hard_heap_limit(apsw.memory_used() + 100_000)
    try:
        yield
    finally:
        apsw.hard_heap_limit(0)


def test_a_file_that_another_program_has_locked_names_it(database: Database) -> None:
    database.run_outside_transaction(lambda c: c.set_busy_timeout(50))
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKER, str(database.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as blocker:
        assert blocker.stdout is not None
        assert blocker.stdout.readline() == b"locked\n"
        with pytest.raises(StoreError, match=r"is locked by .*; let that finish") as refused:
            database.write(fill)
        blocker.kill()
    if sys.platform == "linux":
        assert f"(process {blocker.pid})" in str(refused.value)
    database.write(fill)


def test_a_disk_that_fails_is_not_told_to_be_full(database: Database) -> None:
    with no_file_grows(), pytest.raises(StoreError) as failed:
        database.write(fill)
    assert "its disk may be failing, or gone" in str(failed.value)
    assert "free some" not in str(failed.value)
    database.write(fill)


@pytest.mark.parametrize("way", [Database.read, Database.write, Database.run_outside_transaction])
def test_want_of_memory_is_told_by_every_way_in(
    database: Database, way: Callable[..., object]
) -> None:
    with short_of_memory(), pytest.raises(StoreError, match="memory is short; end some programs"):
        way(database, lambda c: c.execute("SELECT zeroblob(50000000)").get)
    assert way(database, lambda c: c.execute("SELECT 1").get) == 1


def test_maintenance_on_a_full_disk_is_told_in_words(database: Database) -> None:
    database.run_outside_transaction(lambda c: c.pragma("max_page_count", c.pragma("page_count")))
    with pytest.raises(StoreError, match="its disk is full; free some disk space"):
        database.run_outside_transaction(fill)


def test_a_file_that_went_read_only_says_what_to_change(database: Database) -> None:
    database.run_outside_transaction(lambda c: c.pragma("query_only", True))
    with pytest.raises(StoreError, match="may not write it; let your user write"):
        database.write(fill)


def test_a_folder_in_which_nothing_may_be_written_says_so_at_the_start(data_dir: Path) -> None:
    Database(data_dir).close()
    data_dir.chmod(0o555)
    for path in data_dir.iterdir():
        path.chmod(0o444)
    with (
        unprivileged(data_dir),
        pytest.raises(StoreError, match=f"{data_dir}.*: prismd may not write it; let your user"),
    ):
        Database(data_dir)


@pytest.mark.parametrize("writable", [True, False])
def test_what_is_no_file_says_so(data_dir: Path, writable: bool) -> None:
    (data_dir / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StoreError, match=f"{FILE_NAME}: is no file; move it away"):
        Database(data_dir, writable=writable)


def test_a_data_directory_that_cannot_be_made_says_so(data_dir: Path) -> None:
    data_dir.write_text("a file")
    with pytest.raises(StoreError, match=f"{data_dir}: cannot be opened .* another --data-dir"):
        Database(data_dir)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT nonsense", apsw.SQLError),
        ("INSERT INTO facts VALUES ('a', ''), ('a', '')", apsw.ConstraintError),
    ],
)
def test_a_fault_of_our_own_stays_one(
    database: Database, sql: str, error: type[apsw.Error]
) -> None:
    with pytest.raises(error):
        database.write(lambda c: c.execute(sql))
    with pytest.raises(error):
        database.run_outside_transaction(lambda c: c.execute(sql))


def test_a_write_that_is_refused_at_its_commit_leaves_the_next_one_alone(
    database: Database,
) -> None:
    database.run_outside_transaction(lambda c: c.pragma("foreign_keys", True))
    with pytest.raises(apsw.ConstraintError):
        database.write(
            lambda c: c.execute(
                "CREATE TABLE child (of TEXT REFERENCES facts DEFERRABLE INITIALLY DEFERRED);"
                "INSERT INTO child VALUES ('nobody')"
            )
        )
    database.write(fill)
