from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from prismd.errors import StoreError
from prismd.store import migrate
from prismd.store.database import FILE_NAME, Database
from tests.building import put

FIRST = (1, "CREATE TABLE one (a); INSERT INTO one VALUES (1);")
SECOND = (2, "ALTER TABLE one ADD COLUMN b; UPDATE one SET b = 2;")
BROKEN = (2, "ALTER TABLE one ADD COLUMN b; INSERT INTO nowhere VALUES (1);")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


def open_(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path))


def test_the_scripts_are_numbered_from_one_without_gaps() -> None:
    versions = [version for version, _ in migrate.scripts()]
    assert versions == list(range(1, len(versions) + 1))
    assert migrate.newest() == versions[-1]


def test_each_script_and_its_version_come_together(path: Path) -> None:
    connection = open_(path)
    migrate.migrate(connection, path, [FIRST])
    assert connection.pragma("user_version") == 1
    migrate.migrate(connection, path, [FIRST, SECOND])
    assert connection.pragma("user_version") == 2
    assert connection.execute("SELECT a, b FROM one").fetchall() == [(1, 2)]
    migrate.migrate(connection, path, [FIRST, SECOND])
    assert connection.execute("SELECT a, b FROM one").fetchall() == [(1, 2)]
    connection.close()


def test_a_script_that_fails_leaves_the_version_before_it(path: Path) -> None:
    connection = open_(path)
    with pytest.raises(apsw.SQLError):
        migrate.migrate(connection, path, [FIRST, BROKEN])
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT * FROM one").fetchall() == [(1,)]
    assert not connection.in_transaction
    connection.close()


def test_a_backup_of_the_older_file_is_kept_before_it_is_changed(path: Path) -> None:
    connection = open_(path)
    migrate.migrate(connection, path, [FIRST])
    assert list(path.parent.glob("*.before-*")) == []
    migrate.migrate(connection, path, [FIRST, SECOND])
    (kept,) = path.parent.glob("some.before-0002.db")
    assert kept.stat().st_mode & 0o777 == 0o600
    with open_(kept) as former:
        assert former.pragma("user_version") == 1
        assert former.execute("SELECT * FROM one").fetchall() == [(1,)]
    former.close()
    connection.close()


def test_a_backup_cut_short_by_a_crash_is_made_anew(path: Path) -> None:
    connection = open_(path)
    migrate.migrate(connection, path, [FIRST])
    path.with_name("some.before-0002.db").write_bytes(b"half a backup")
    migrate.migrate(connection, path, [FIRST, SECOND])
    with open_(path.with_name("some.before-0002.db")) as former:
        assert former.execute("SELECT * FROM one").fetchall() == [(1,)]
    former.close()
    connection.close()


def test_a_newer_file_is_refused_and_left_as_it_is(data_dir: Path) -> None:
    Database(data_dir).close()
    with open_(data_dir / FILE_NAME) as connection:
        connection.pragma("user_version", migrate.newest() + 1)
    connection.close()
    for writable in (True, False):
        with pytest.raises(StoreError, match=r"newer prismd.*update prismd"):
            Database(data_dir, writable=writable)
    with open_(data_dir / FILE_NAME) as connection:
        assert connection.pragma("user_version") == migrate.newest() + 1
    connection.close()


def test_a_reader_does_not_migrate(data_dir: Path) -> None:
    data_dir.mkdir()
    with open_(data_dir / FILE_NAME) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(StoreError, match="older prismd"):
        Database(data_dir, writable=False)


def test_what_is_no_index_is_refused_with_its_name(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / FILE_NAME).write_bytes(b"this is a letter, not a database" * 100)
    for writable in (True, False):
        with pytest.raises(StoreError, match=FILE_NAME):
            Database(data_dir, writable=writable)
    # The lock went with the failure.
    (data_dir / FILE_NAME).unlink()
    Database(data_dir).close()


def test_an_index_is_what_it_was_after_it_is_opened_again(data_dir: Path) -> None:
    database = Database(data_dir)
    put(database, "/d/a.txt", "Some words.")
    database.close()
    again = Database(data_dir)
    assert again.read(lambda c: c.execute("SELECT text FROM passages").get) == "Some words."
    again.close()
    assert list(data_dir.glob("*.before-*")) == []
