"""Files of watched folders that the user wants out of the index, until they are taken back.

What is excluded is a path, whatever is written there later, and the file itself: under another name
on the same disk it stays excluded, as long as nothing else about it has changed meanwhile. The path
is let go of only once nothing stands there any more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import apsw
import msgspec


class OnDisk(Protocol):
    """A file as the disk has it."""

    @property
    def path(self) -> bytes:
        """Its path."""

    @property
    def device(self) -> int:
        """Its disk, by a number that another disk may get later."""

    @property
    def inode(self) -> int:
        """Its number on its disk."""

    @property
    def size_bytes(self) -> int:
        """Its size."""

    @property
    def mtime_ns(self) -> int:
        """When it was last written."""


Found = TypeVar("Found", bound=OnDisk)


class Exclusion(msgspec.Struct, frozen=True):
    """A file that is kept out.

    Attributes:
        file_id: The number that it had in the index.
        path: For people.
        excluded_at: Seconds since the epoch.
    """

    file_id: int
    path_raw: bytes
    path: str
    excluded_at: float


def put(connection: apsw.Connection, file_id: int) -> None:
    """Keep a file of the index out of it from now on; the caller removes its row."""
    connection.execute(
        "INSERT OR REPLACE INTO exclusions (file_id, path_raw, path, device, inode, size_bytes,"
        " mtime_ns, excluded_at) SELECT id, path_raw, path, device, inode, size_bytes, mtime_ns, ?"
        " FROM files WHERE id = ?",
        (time.time(), file_id),
    )


def lift(connection: apsw.Connection, file_id: int) -> Exclusion | None:
    """Keep a file out no longer, and say which it is; None where it was not kept out."""
    row = connection.execute(
        "DELETE FROM exclusions WHERE file_id = ? RETURNING file_id, path_raw, path, excluded_at",
        (file_id,),
    ).fetchone()
    return Exclusion(*row) if row is not None else None


def every(connection: apsw.Connection) -> list[Exclusion]:
    """All that is kept out, the last first."""
    rows = connection.execute(
        "SELECT file_id, path_raw, path, excluded_at FROM exclusions"
        " ORDER BY excluded_at DESC, file_id DESC"
    )
    return [Exclusion(*row) for row in rows]


def without(connection: apsw.Connection, found: Iterable[Found]) -> Iterator[Found]:
    """Those files that are not kept out; of the others it is noted what and where they are now."""
    any_at_all = connection.execute("SELECT 1 FROM exclusions LIMIT 1").fetchone() is not None
    for entry in found:
        if not any_at_all or not _follow(connection, entry):
            yield entry


def covers(connection: apsw.Connection, path: bytes) -> bool:
    """Whether what stands at a path is kept out, whatever it is."""
    row = connection.execute("SELECT 1 FROM exclusions WHERE path_raw = ?", (path,)).fetchone()
    return row is not None


def _follow(connection: apsw.Connection, entry: OnDisk) -> bool:
    now = (entry.device, entry.inode, entry.size_bytes, entry.mtime_ns)
    row = connection.execute(
        "SELECT file_id, path_raw, device, inode, size_bytes, mtime_ns FROM exclusions"
        " WHERE path_raw = ?1 OR (device = ?2 AND inode = ?3 AND size_bytes = ?4 AND mtime_ns = ?5)"
        " ORDER BY path_raw = ?1 DESC LIMIT 1",
        (entry.path, *now),
    ).fetchone()
    if row is None:
        return False
    file_id, path, *before = row
    # A second name of the file is kept out as well; it is another path only once the first is not.
    if path != entry.path and _stands(bytes(path)):
        return True
    if [path, *before] != [entry.path, *now]:
        connection.execute(
            "UPDATE exclusions SET path_raw = ?, path = ?, device = ?, inode = ?, size_bytes = ?,"
            " mtime_ns = ? WHERE file_id = ?",
            (entry.path, entry.path.decode("utf-8", "replace"), *now, file_id),
        )
    return True


def _stands(path: bytes) -> bool:
    """Whether anything has a path, on a disk that has answered just now."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it cannot be told
        return True
    return True
