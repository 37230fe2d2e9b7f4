"""The watched folders, and the uploads beside them, as collections of files."""

from __future__ import annotations

import os
from typing import Any

import apsw
import msgspec

from prismd.domain import UPLOADS, FileState
from prismd.store import facts

UPLOADS_SINCE = "uploads since"
"""The fact that says from when on there could be uploads, in seconds since the epoch."""


class Collection(msgspec.Struct, frozen=True):
    """A watched folder, or all that was uploaded.

    Attributes:
        root_id: The folder's number, or ``UPLOADS``.
        path: Of the folder; empty for the uploads.
        created_at: When it was first watched, in seconds since the epoch.
        indexed_at: When something of it was last read, or found to be unreadable.
        states: How many of its files are in each state.
        size_bytes: Of its files together, as they are on the disk.
    """

    root_id: int
    path: str
    created_at: float
    indexed_at: float | None = None
    states: dict[FileState, int] = {}
    size_bytes: int = 0


def known(connection: apsw.Connection) -> list[Collection]:
    """Every collection without its figures, in the order in which they came."""
    folders: list[Any] = connection.execute("SELECT id, path_raw, added_at FROM roots").fetchall()
    found = [Collection(id_, os.fsdecode(path), since) for id_, path, since in folders]
    found.append(Collection(UPLOADS, "", float(facts.get(connection, UPLOADS_SINCE) or 0)))
    return sorted(found, key=lambda item: (item.created_at, item.root_id))


def counted(connection: apsw.Connection, collection: Collection) -> Collection:
    """A collection with its figures."""
    rows: list[Any] = connection.execute(
        "SELECT state, count(*), sum(size_bytes), max(indexed_at) FROM files"
        " WHERE root_id IS ? GROUP BY state",
        (collection.root_id or None,),
    ).fetchall()
    return msgspec.structs.replace(
        collection,
        states={state: count for state, count, _, _ in rows},
        size_bytes=sum(size for _, _, size, _ in rows),
        indexed_at=max((at for *_, at in rows if at is not None), default=None),
    )


class FilesOf(msgspec.Struct, frozen=True):
    """Which files of a collection.

    Attributes:
        root_id: The folder's number, or ``UPLOADS``.
        states: None narrows nothing.
        limit: How many at most.
        after_id: Those that come after it in the list.
        before_id: Those that come before it, the nearest of them.
        newest_first: Whether the list runs down the ids.
    """

    root_id: int
    states: tuple[FileState, ...] | None = None
    limit: int = 20
    after_id: int | None = None
    before_id: int | None = None
    newest_first: bool = True


def file_ids(connection: apsw.Connection, query: FilesOf) -> tuple[list[int], bool]:
    """Ids of files in the list's order, and whether there are more in the direction of the page."""
    conditions = ["root_id IS ?"]
    values: list[int | str | None] = [query.root_id or None]
    if query.states is not None:
        conditions.append(f"state IN ({', '.join('?' * len(query.states))})")
        values += query.states
    down = query.newest_first
    for end, sign in (
        (query.after_id, "<" if down else ">"),
        (query.before_id, ">" if down else "<"),
    ):
        if end is not None:
            conditions.append(f"id {sign} ?")
            values.append(end)
    backwards = query.before_id is not None and query.after_id is None
    order = "DESC" if down != backwards else "ASC"
    rows: list[Any] = connection.execute(
        f"SELECT id FROM files WHERE {' AND '.join(conditions)} ORDER BY id {order} LIMIT ?",
        [*values, query.limit + 1],
    ).fetchall()
    ids = [int(row[0]) for row in rows[: query.limit]]
    return (ids[::-1] if backwards else ids), len(rows) > query.limit


def holds(connection: apsw.Connection, root_id: int, file_id: int) -> bool:
    """Whether a file is of a collection."""
    return bool(
        connection.execute(
            "SELECT 1 FROM files WHERE id = ? AND root_id IS ?", (file_id, root_id or None)
        ).get
    )
