"""What the index knows of one folder of the disk, found by the order of the paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apsw

from prismd.store import files
from prismd.store.files import Known, Root

_COLUMNS = "path_raw, id, device, inode, size_bytes, mtime_ns, ctime_ns"
_RANGE = f"SELECT {_COLUMNS} FROM files WHERE path_raw >= ? AND path_raw < ? ORDER BY path_raw"


class Children(NamedTuple):
    """Files by their paths, and the names of folders that have files somewhere below."""

    files: dict[bytes, Known]
    folders: set[bytes]


def children(connection: apsw.Connection, folder: bytes) -> Children:
    """What stands directly in a folder; files deeper down are passed over, not read."""
    prefix = folder.rstrip(b"/") + b"/"
    start, end = prefix, _after(folder)
    files: dict[bytes, Known] = {}
    folders: set[bytes] = set()
    while start:
        rows, start = connection.execute(_RANGE, (start, end)), b""
        for path, *columns in rows:
            assert isinstance(path, bytes)  # noqa: S101 - as the column is declared
            name, deeper, _ = path[len(prefix) :].partition(b"/")
            if deeper:
                folders.add(name)
                start = _after(prefix + name)
                break
            files[path] = Known(*columns)
    return Children(files, folders)


def below(connection: apsw.Connection, folder: bytes) -> Iterator[tuple[bytes, Known]]:
    """Every file in a folder and the folders below it, in the order of their paths."""
    prefix = folder.rstrip(b"/") + b"/"
    for path, *columns in connection.execute(_RANGE, (prefix, _after(folder))):
        yield path, Known(*columns)


def at(connection: apsw.Connection, path: bytes) -> Known | None:
    """The file at a path."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM files WHERE path_raw = ?",
        (path,),
    ).fetchone()
    return Known(*row[1:]) if row is not None else None


def with_identity(
    connection: apsw.Connection, device: int, inode: int
) -> list[tuple[bytes, Known]]:
    """The files that were last seen with an inode; several where it has several names."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM files WHERE inode = ? AND device = ?",
        (inode, device),
    )
    return [(path, Known(*columns)) for path, *columns in rows]


def renumber(connection: apsw.Connection, root: Root, device: int) -> None:
    """Note the file system that a root is on, and with it those of its files that are on it."""
    if root.device not in (0, device):
        connection.execute(
            "UPDATE files SET device = ? WHERE root_id = ? AND device = ?",
            (device, root.id, root.device),
        )
    files.set_root_device(connection, root.id, device)


def _after(folder: bytes) -> bytes:
    """Where the paths below a folder end: the byte that follows the slash."""
    return folder.rstrip(b"/") + b"0"
