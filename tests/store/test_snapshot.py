from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from prismd.store import snapshot
from prismd.store.check import backup
from prismd.store.database import Database


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A user whose files others may read and write."""
    former = os.umask(0)
    yield
    os.umask(former)


def modes_while_writing(database: Database, destination: Path) -> set[int]:
    """The destination's permissions at every step of SQLite."""
    seen: set[int] = set()

    def look() -> bool:
        if destination.exists():
            seen.add(destination.stat().st_mode & 0o777)
        return False

    connection = apsw.Connection(str(database.path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_progress_handler(look, 1)
    snapshot.write(connection, destination)
    connection.close()
    return seen


@pytest.mark.usefixtures("open_umask")
def test_nobody_else_can_read_a_copy_while_it_is_written(
    database: Database, tmp_path: Path
) -> None:
    assert modes_while_writing(database, tmp_path / "copy") == {0o600}
    made = tmp_path / "backup.db"
    assert backup(database, made) > 0
    assert made.stat().st_mode & 0o777 == 0o600


def test_a_copy_never_goes_over_another_file(database: Database, tmp_path: Path) -> None:
    other = tmp_path / "letter"
    other.write_bytes(b"")
    connection = apsw.Connection(str(database.path), flags=apsw.SQLITE_OPEN_READONLY)
    with pytest.raises(FileExistsError):
        snapshot.write(connection, other)
    connection.close()
    assert other.read_bytes() == b""
