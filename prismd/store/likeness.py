"""Pictures and recordings by what they show and how they sound: vectors of whole documents.

A document's vector is kept under the whole hash of its content, in a space of its own kind. A
picture or recording as such is found as the passage without text that stands for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import Filters, Hit
from prismd.store import vectors
from prismd.store.retrieval import Ranked, Scope, hits, scope


class Unseen(msgspec.Struct, frozen=True):
    """A picture that has no vector yet."""

    document_id: int
    sha256: str


class Untold(msgspec.Struct, frozen=True):
    """A passage's text that has no vector beside those of pictures yet."""

    passage_id: int
    text: str
    embedding_hash: bytes


def unseen(
    connection: apsw.Connection, space_id: int, limit: int, without: Sequence[int] = ()
) -> list[Unseen]:
    """Pictures without a vector in the space that a file holds, in the order they came.

    Args:
        connection: Any connection to the file.
        space_id: The space of pictures.
        limit: How many at most.
        without: Documents that are left out.
    """
    rows = connection.execute(
        "SELECT d.id, d.sha256 FROM documents d"
        " WHERE d.type = 'image' AND d.orphaned_at IS NULL AND EXISTS"
        " (SELECT 1 FROM files WHERE document_id = d.id AND state = 'completed')"
        " AND d.id NOT IN (SELECT value FROM json_each(?2)) AND NOT EXISTS"
        " (SELECT 1 FROM embeddings WHERE space_id = ?1 AND hash = unhex(d.sha256))"
        " ORDER BY d.id LIMIT ?3",
        (space_id, msgspec.json.encode(list(without)).decode(), limit),
    )
    return [Unseen(*row) for row in rows]


def holders(connection: apsw.Connection, document_id: int) -> list[bytes]:
    """The paths of the files that hold a document, as far as is known."""
    rows: list[Any] = connection.execute(
        "SELECT path_raw FROM files WHERE document_id = ? AND state = 'completed'"
        " ORDER BY path_raw",
        (document_id,),
    ).fetchall()
    return [row[0] for row in rows]


def untold(
    connection: apsw.Connection, space_id: int, limit: int, after_id: int = 0
) -> list[Untold]:
    """Passages whose text has no vector in the space, in the order they came.

    Those of documents that no file holds are among them: they may come back without being read.
    """
    rows = connection.execute(
        "SELECT p.id, p.text, p.embedding_hash FROM passages p"
        " WHERE p.id > ?2 AND p.char_end > p.char_start AND NOT EXISTS"
        " (SELECT 1 FROM embeddings WHERE space_id = ?1 AND hash = p.embedding_hash)"
        " ORDER BY p.id LIMIT ?3",
        (space_id, after_id, limit),
    )
    return [Untold(*row) for row in rows]


def newest_passage(connection: apsw.Connection) -> int:
    """The highest id of a passage; later ones are higher."""
    return int(connection.execute("SELECT max(id) FROM passages").get or 0)


class Held(msgspec.Struct, frozen=True):
    """What a file holds, with its vector where it has one."""

    document_id: int
    type: str
    vector: NDArray[np.float32] | None


def vector_of(connection: apsw.Connection, space_id: int, file_id: int) -> Held | None:
    """What a file holds, with its vector in the space.

    Returns:
        None where there is no such file, or it holds nothing that was read.
    """
    row = connection.execute(
        "SELECT d.id, d.type, e.vector FROM files f JOIN documents d ON d.id = f.document_id"
        " LEFT JOIN embeddings e ON e.space_id = ? AND e.hash = unhex(d.sha256) WHERE f.id = ?",
        (space_id, file_id),
    ).fetchone()
    if row is None:
        return None
    packed, dim = row[2], connection.execute("SELECT dim FROM spaces WHERE id = ?", (space_id,)).get
    if packed is None or not vectors.is_whole(packed, dim):
        return Held(row[0], row[1], None)
    return Held(row[0], row[1], np.frombuffer(packed, "<f2").astype(np.float32))


def held(connection: apsw.Connection, sha256: str, filters: Filters) -> Hit | None:
    """The picture as such that a file of the index holds, found by its content.

    Raises:
        RequestError: A filter's date is not one.
    """
    row = connection.execute(
        "SELECT p.id FROM passages p JOIN documents d ON d.id = p.document_id"
        " WHERE d.sha256 = ? AND d.type = 'image' AND p.char_end = p.char_start",
        (sha256,),
    ).fetchone()
    if row is None:
        return None
    found = hits(connection, [row[0]], scope(connection, filters))
    return found.get(row[0])


def vectors_in(
    connection: apsw.Connection, space_id: int, scope: Scope
) -> NDArray[np.int64] | None:
    """The ids of the vectors of whole documents that the filters leave, or None for all."""
    return _ids(
        connection,
        "SELECT e.id FROM documents d JOIN embeddings e ON e.hash = unhex(d.sha256)"
        " AND e.space_id = ? WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY e.id",
        space_id,
        scope,
    )


def text_vectors_in(
    connection: apsw.Connection, space_id: int, scope: Scope
) -> NDArray[np.int64] | None:
    """The ids of the vectors, beside those of pictures, of the passages that the filters leave.

    None stands for all.
    """
    return _ids(
        connection,
        "SELECT DISTINCT e.id FROM passages p JOIN embeddings e ON e.hash = p.embedding_hash"
        " AND e.space_id = ? WHERE p.document_id IN (SELECT value FROM json_each(?)) ORDER BY e.id",
        space_id,
        scope,
    )


def _ids(
    connection: apsw.Connection, sql: str, space_id: int, scope: Scope
) -> NDArray[np.int64] | None:
    if scope.documents is None:
        return None
    rows: list[Any] = connection.execute(
        sql, (space_id, msgspec.json.encode(scope.documents).decode())
    ).fetchall()
    return np.fromiter((row[0] for row in rows), np.int64, len(rows))


def documents_of(
    connection: apsw.Connection, embedding_ids: Sequence[int], similarities: Sequence[float]
) -> Ranked:
    """The pictures or recordings as such that have these vectors, in the vectors' order."""
    return _passages(
        connection,
        "SELECT e.id, p.id FROM embeddings e JOIN documents d ON d.sha256 = lower(hex(e.hash))"
        " JOIN passages p ON p.document_id = d.id AND p.char_end = p.char_start"
        " WHERE e.id IN (SELECT value FROM json_each(?))",
        embedding_ids,
        similarities,
    )


def passages_of(
    connection: apsw.Connection, embedding_ids: Sequence[int], similarities: Sequence[float]
) -> Ranked:
    """The passages whose texts have these vectors, in the vectors' order."""
    return _passages(
        connection,
        "SELECT e.id, p.id FROM embeddings e JOIN passages p ON p.embedding_hash = e.hash"
        " WHERE e.id IN (SELECT value FROM json_each(?))",
        embedding_ids,
        similarities,
    )


def _passages(
    connection: apsw.Connection,
    sql: str,
    embedding_ids: Sequence[int],
    similarities: Sequence[float],
) -> Ranked:
    order = {id_: rank for rank, id_ in enumerate(embedding_ids)}
    rows: list[Any] = connection.execute(
        sql, (msgspec.json.encode(list(embedding_ids)).decode(),)
    ).fetchall()
    rows.sort(key=lambda row: (order[row[0]], row[1]))
    return [(passage_id, similarities[order[embedding_id]]) for embedding_id, passage_id in rows]
