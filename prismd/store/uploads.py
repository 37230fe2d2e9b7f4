"""Uploaded files: their bytes, in pieces, and the files that they are in the index."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import apsw
import msgspec

from prismd.store import files
from prismd.store.erasing import overwriting

PIECE_BYTES = 1 << 20
"""What is read and written at a time, so that a large file is never one value."""
_FOLDER = b"uploads/"


class Received(msgspec.Struct, frozen=True):
    """What has come in as a whole, and is yet to be a file of the index.

    Attributes:
        name: Its name, fit for the last part of a path.
        media_type: What it is by its content.
        purpose: What the client says that it is for; any text.
    """

    id: int
    name: str
    sha256: str
    size_bytes: int
    media_type: str
    purpose: str = ""


class Taken(msgspec.Struct, frozen=True):
    """A file that an upload came to; ``known`` where the same bytes had been uploaded before."""

    file_id: int
    known: bool


class Upload(msgspec.Struct, frozen=True):
    """The bytes of an uploaded file."""

    id: int
    file_id: int
    sha256: str
    size_bytes: int


def is_upload(path: str | bytes) -> bool:
    """Whether a file's path is that of an upload: those of the disk begin at its root."""
    return not os.fsencode(path).startswith(b"/")


def begin(connection: apsw.Connection) -> int:
    """Make room for bytes that come in; gives the upload's number."""
    connection.execute("INSERT INTO uploads (created_at) VALUES (?)", (time.time(),))
    return connection.last_insert_rowid()


def append(connection: apsw.Connection, upload_id: int, number: int, content: bytes) -> None:
    """Keep the next piece of what comes in; all but the last have ``PIECE_BYTES``."""
    connection.execute(
        "INSERT INTO upload_pieces (upload_id, number, content) VALUES (?, ?, ?)",
        (upload_id, number, content),
    )


def take(connection: apsw.Connection, received: Received) -> Taken:
    """Make a file of what has come in, with a job; or find the one that has the same bytes."""
    row = connection.execute(
        "SELECT file_id FROM uploads WHERE sha256 = ?", (received.sha256,)
    ).fetchone()
    if row is not None:
        with overwriting(connection):
            connection.execute("DELETE FROM uploads WHERE id = ?", (received.id,))
        return Taken(int(row[0]), known=True)
    now_s = time.time()
    path = f"{_FOLDER.decode()}{received.id}/{received.name}"
    connection.execute(
        "INSERT INTO files (root_id, path_raw, path, device, inode, size_bytes, mtime_ns,"
        " media_type, sha256) VALUES (NULL, ?, ?, 0, 0, ?, ?, ?, ?)",
        (
            path.encode(),
            path,
            received.size_bytes,
            time.time_ns(),
            received.media_type,
            received.sha256,
        ),
    )
    file_id = connection.last_insert_rowid()
    connection.execute(
        "UPDATE uploads SET file_id = ?, sha256 = ?, size_bytes = ?, purpose = ?, created_at = ?"
        " WHERE id = ?",
        (
            file_id,
            received.sha256,
            received.size_bytes,
            received.purpose,
            now_s,
            received.id,
        ),
    )
    files.enqueue(connection, file_id, received.size_bytes, time.time_ns())
    return Taken(file_id, known=False)


def discard(connection: apsw.Connection, upload_ids: Collection[int]) -> None:
    """Drop what came in and is not to be kept; what is a file by now stays."""
    with overwriting(connection):
        connection.executemany(
            "DELETE FROM uploads WHERE id = ? AND file_id IS NULL", [(id_,) for id_ in upload_ids]
        )


def discard_unfinished(connection: apsw.Connection, coming: Collection[int] = ()) -> int:
    """Drop what was begun and never finished, but for what is coming in.

    Returns:
        How many there were.
    """
    left = [id_ for id_ in unfinished(connection) if id_ not in coming]
    discard(connection, left)
    return len(left)


def unfinished(connection: apsw.Connection) -> list[int]:
    """The numbers of all that is not (or not yet) a file."""
    rows = connection.execute("SELECT id FROM uploads WHERE file_id IS NULL")
    return [int(str(row[0])) for row in rows]


def at(connection: apsw.Connection, path: bytes) -> Upload | None:
    """The upload whose file has a path."""
    row = connection.execute(
        "SELECT u.id, u.file_id, u.sha256, u.size_bytes FROM files f"
        " JOIN uploads u ON u.file_id = f.id WHERE f.path_raw = ?",
        (path,),
    ).fetchone()
    return Upload(*row) if row is not None else None


def read(connection: apsw.Connection, upload_id: int, start: int, length: int) -> bytes:
    """Bytes of an upload, at most ``length``; none beyond its end, or when it has gone."""
    first = start // PIECE_BYTES
    row = connection.execute(
        "SELECT substr(content, ?, ?) FROM upload_pieces WHERE upload_id = ? AND number = ?",
        (start - first * PIECE_BYTES + 1, length, upload_id, first),
    ).fetchone()
    return bytes(row[0]) if row is not None else b""


def purposes(connection: apsw.Connection, file_ids: Sequence[int]) -> dict[int, str]:
    """What uploads are for, of those files that are uploads, by their numbers."""
    rows = connection.execute(
        "SELECT file_id, purpose FROM uploads WHERE file_id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(file_ids)).decode(),),
    )
    return {int(str(file_id)): str(purpose) for file_id, purpose in rows}


def damaged(connection: apsw.Connection) -> Iterator[int]:
    """The files whose bytes are gone, or not those that were sent; reads all of them."""
    rows: list[Any] = connection.execute(
        "SELECT f.id, u.id, u.sha256, u.size_bytes FROM files f"
        " LEFT JOIN uploads u ON u.file_id = f.id WHERE substr(f.path_raw, 1, 1) != x'2f'"
    ).fetchall()
    for file_id, upload_id, *sent in rows:
        digest, size_bytes = hashlib.sha256(), 0
        pieces = connection.execute(
            "SELECT CAST(content AS BLOB) FROM upload_pieces WHERE upload_id = ? ORDER BY number",
            (upload_id,),
        )
        for (piece,) in pieces:
            assert isinstance(piece, bytes)  # noqa: S101 - as it is cast
            digest.update(piece)
            size_bytes += len(piece)
        if [digest.hexdigest(), size_bytes] != sent:
            yield file_id
