"""Holds vectors against their spaces, and the flat index of a space against their table."""

from __future__ import annotations

import itertools
from typing import Any

import apsw
import msgspec
import numpy as np

from prismd.store import documents, jobs, vectors

_MAX_NEAREST = 4_096
_BLOCK_ROWS = 1_024


def misshapen(connection: apsw.Connection) -> list[int]:
    """The vectors that are none: of a wrong length, or with something in them that is no number."""
    found: list[int] = []
    for space_id, space in vectors.spaces(connection):
        rows = connection.execute(
            "SELECT id, vector FROM embeddings WHERE space_id = ?", (space_id,)
        )
        while block := list(itertools.islice(rows, _BLOCK_ROWS)):
            found += [id_ for id_, packed in block if not vectors.is_whole(packed, space.dim)]
    return found


def delete_misshapen(connection: apsw.Connection) -> None:
    """Delete what ``misshapen`` finds; what it was made of gets another."""
    wrong = msgspec.json.encode(misshapen(connection)).decode()
    these = "(SELECT value FROM json_each(?))"
    # Passages and pictures without a vector are found by their loops, recordings are not.
    recordings: list[Any] = connection.execute(
        "SELECT d.id FROM embeddings e JOIN documents d ON d.sha256 = lower(hex(e.hash))"
        f" WHERE d.type = 'audio' AND e.id IN {these}",
        (wrong,),
    ).fetchall()
    connection.execute(
        f"UPDATE passages SET embedding_id = NULL WHERE embedding_id IN {these}", (wrong,)
    )
    connection.execute(f"DELETE FROM embeddings WHERE id IN {these}", (wrong,))
    ids = [int(row[0]) for row in recordings]
    documents.mark_stale(connection, ids)
    jobs.enqueue_holders(connection, ids)


def wrong_in_flat(connection: apsw.Connection, space_id: int, dim: int) -> int:
    """How many vectors the flat index has not as the table has them."""
    total = connection.execute(
        "SELECT count(*) FROM embeddings WHERE space_id = ? AND length(vector) = ?",
        (space_id, 2 * dim),
    ).get
    try:
        same, without = _compare_flat(connection, space_id, dim)
    except apsw.Error:  # its own tables are damaged
        return max(1, int(total))
    if total and not _search_finds(connection, space_id, dim, min(total, _MAX_NEAREST)):
        return int(total)
    return int(total) - same + without


def _compare_flat(connection: apsw.Connection, space_id: int, dim: int) -> tuple[int, int]:
    """Entries of the flat index that are as the table has them, and those without a vector."""
    entries = connection.execute(f"SELECT rowid, vector FROM {vectors.flat_name(space_id)}")
    same = without = 0
    while block := list(itertools.islice(entries, _BLOCK_ROWS)):
        ids = msgspec.json.encode([row[0] for row in block]).decode()
        rows: list[Any] = connection.execute(
            "SELECT id, vector FROM embeddings WHERE id IN (SELECT value FROM json_each(?))"
            " AND +space_id = ? AND length(vector) = ?",
            (ids, space_id, 2 * dim),
        ).fetchall()
        true = dict(rows)
        for id_, vector in block:
            if id_ not in true:
                without += 1
            else:
                same += _same(vector, np.frombuffer(true[id_], "<f2").astype("<f4").tobytes())
    return same, without


def _search_finds(connection: apsw.Connection, space_id: int, dim: int, count: int) -> bool:
    query = np.ones(dim, "<f4").tobytes()
    try:
        rows = connection.execute(
            f"SELECT rowid FROM {vectors.flat_name(space_id)} WHERE vector MATCH ? AND k = ?",
            (query, count),
        ).fetchall()
    except apsw.Error:
        return False
    return len(rows) == count


def _same(one: object, other: bytes) -> bool:
    """Whether two packed vectors are one, but for what half precision takes away."""
    if not isinstance(one, bytes) or len(one) != len(other):
        return False
    return bool(
        np.allclose(np.frombuffer(one, "<f4"), np.frombuffer(other, "<f4"), rtol=1e-2, atol=1e-3)
    )
