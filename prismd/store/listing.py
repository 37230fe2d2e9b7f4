"""Files with what their documents say, one by one and page by page."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec

from prismd.domain import FileState


class FileRecord(msgspec.Struct, frozen=True):
    """A file's row with what its document says, as ``/files`` shows it."""

    id: int
    path: str
    path_raw: bytes
    type: str
    media_type: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    state: FileState
    error_code: str
    error_message: str
    passages: int
    title: str
    indexed_at: float | None
    document_id: int | None
    metadata: str
    warnings: str


_RECORD = """
    SELECT f.id, f.path, f.path_raw, coalesce(d.type, ''), coalesce(d.media_type, f.media_type),
        f.size_bytes, f.mtime_ns, coalesce(f.sha256, ''), f.state, f.error_code, f.error_message,
        (SELECT count(*) FROM passages WHERE document_id = f.document_id AND char_end > char_start),
        coalesce(d.title, ''), f.indexed_at, f.document_id, coalesce(d.metadata, '{}'),
        coalesce(d.warnings, '[]')
    FROM files f LEFT JOIN documents d ON d.id = f.document_id
"""


class FileQuery(msgspec.Struct, frozen=True):
    """What narrows a listing of files. Empty fields narrow nothing."""

    state: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    path: str = ""
    limit: int = 100
    after_id: int = 0


def listing(connection: apsw.Connection, query: FileQuery) -> tuple[list[FileRecord], int]:
    """Files in the order of their ids, and how many match in all pages together."""
    conditions = ["1"]
    values: list[str] = []
    for column, wanted in (("f.state", query.state), ("d.type", query.type)):
        if wanted:
            conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    if query.path:
        conditions.append("instr(lower(f.path), lower(?)) > 0")
        values.append(query.path)
    where = " AND ".join(conditions)
    total = connection.execute(
        f"SELECT count(*) FROM files f LEFT JOIN documents d ON d.id = f.document_id WHERE {where}",
        values,
    ).get
    rows = connection.execute(
        f"{_RECORD} WHERE {where} AND f.id > ? ORDER BY f.id LIMIT ?",
        [*values, query.after_id, query.limit],
    )
    return [FileRecord(*row) for row in rows], int(total)


class FilesInTime(msgspec.Struct, frozen=True):
    """A page of files by the time of their last change.

    Attributes:
        after: Time and number of the file after which the page begins.
        purpose: Only uploads that are for this; empty for any.
        watched: Whether files of watched folders are for it, too.
    """

    limit: int
    newest_first: bool
    after: tuple[int, int] | None = None
    purpose: str = ""
    watched: bool = True


def in_time(connection: apsw.Connection, query: FilesInTime) -> list[FileRecord]:
    """Files by the time of their last change, and of their numbers where that is the same."""
    conditions, values = ["1"], list[str | int]()
    if query.after is not None:
        conditions.append(f"(f.mtime_ns, f.id) {'<' if query.newest_first else '>'} (?, ?)")
        values += query.after
    if query.purpose:
        conditions.append(
            "coalesce((SELECT u.purpose FROM uploads u WHERE u.file_id = f.id) = ?, ?)"
        )
        values += [query.purpose, query.watched]
    turn = "DESC" if query.newest_first else "ASC"
    rows = connection.execute(
        f"{_RECORD} WHERE {' AND '.join(conditions)}"
        f" ORDER BY f.mtime_ns {turn}, f.id {turn} LIMIT ?",
        [*values, query.limit],
    )
    return [FileRecord(*row) for row in rows]


def record(connection: apsw.Connection, file_id: int) -> FileRecord | None:
    """One file, or None."""
    row = connection.execute(f"{_RECORD} WHERE f.id = ?", (file_id,)).fetchone()
    return FileRecord(*row) if row else None


def records(connection: apsw.Connection, file_ids: Sequence[int]) -> list[FileRecord]:
    """Some files, in the order of their ids; those that are gone are left out."""
    rows = connection.execute(
        f"{_RECORD} WHERE f.id IN (SELECT value FROM json_each(?)) ORDER BY f.id",
        (msgspec.json.encode(list(file_ids)).decode(),),
    )
    return [FileRecord(*row) for row in rows]


def holding(connection: apsw.Connection, sha256: str) -> list[FileRecord]:
    """The files that hold a document, the latest changed first."""
    rows = connection.execute(
        f"{_RECORD} WHERE d.sha256 = ? ORDER BY f.mtime_ns DESC, f.path", (sha256,)
    )
    return [FileRecord(*row) for row in rows]
