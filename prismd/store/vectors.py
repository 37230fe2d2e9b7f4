"""Vectors of passages: their truth in an ordinary table, and the exact index over it.

The table ``embeddings`` is the truth. The flat index (sqlite-vec) and the binary codes are
made from it and can be made again; ``vector_search`` chooses between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace, SpaceContent

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]


class VectorIndex(Protocol):
    """A way to find the nearest vectors of a space; every one passes the same tests."""

    def search(
        self, connection: apsw.Connection, query: Vectors, k: int, allowed: Ids | None
    ) -> tuple[Ids, Vectors]:
        """The ``k`` nearest vectors.

        Args:
            connection: Any connection to the file.
            query: Shape ``(dim,)``, L2-normalised.
            k: How many to find; fewer come back where there are fewer.
            allowed: Ascending ids to search among, or None for all.

        Returns:
            Ids and cosine similarities, nearest first.
        """


class Unembedded(msgspec.Struct, frozen=True):
    """A passage that has no vector yet."""

    title: str
    heading: tuple[str, ...]
    text: str
    embedding_hash: bytes


def put_space(connection: apsw.Connection, space: EmbeddingSpace) -> int:
    """The id of a space, which is made, with its flat index, when it is new."""
    row = connection.execute("SELECT id FROM spaces WHERE key = ?", (space.key,)).fetchone()
    if row:
        return int(row[0])
    connection.execute("INSERT INTO spaces (key, dim) VALUES (?, ?)", (space.key, space.dim))
    space_id = connection.last_insert_rowid()
    make_flat(connection, space_id)
    return space_id


def spaces(
    connection: apsw.Connection, content: SpaceContent | None = None
) -> list[tuple[int, EmbeddingSpace]]:
    """Every space of the file, or those of one kind of content."""
    rows = connection.execute("SELECT id, key FROM spaces ORDER BY id")
    known = [(id_, msgspec.json.decode(key, type=EmbeddingSpace)) for id_, key in rows]
    return [(id_, space) for id_, space in known if content in (None, space.content)]


def unembedded(
    connection: apsw.Connection, limit: int, after_id: int = 0
) -> tuple[list[Unembedded], int]:
    """Passages without a vector, in the order they came, one per text.

    Returns:
        At most ``limit`` of them with an id above ``after_id``, and the highest id among them
        (``after_id`` where there are none).
    """
    rows: list[Any] = connection.execute(
        "SELECT p.id, d.title, p.heading, p.text, p.embedding_hash FROM passages p"
        " JOIN documents d ON d.id = p.document_id"
        " WHERE p.embedding_id IS NULL AND p.char_end > p.char_start"
        " AND d.orphaned_at IS NULL AND p.id > ?"
        " ORDER BY p.id LIMIT ?",
        (after_id, limit),
    ).fetchall()
    found = {
        row[4]: Unembedded(row[1], tuple(msgspec.json.decode(row[2])), row[3], row[4])
        for row in rows
    }
    return list(found.values()), rows[-1][0] if rows else after_id


def store(
    connection: apsw.Connection, space_id: int, hashes: Sequence[bytes], vectors: Vectors
) -> None:
    """Keep vectors, and give them to every passage that waits for one of them.

    A vector whose last passage went while it was computed is not kept.

    Args:
        connection: The write connection.
        space_id: From ``put_space``.
        hashes: The embedded texts' hashes.
        vectors: Shape ``(len(hashes), dim)``, rows L2-normalised.
    """
    if connection.execute("SELECT 1 FROM spaces WHERE id = ?", (space_id,)).get is None:
        return  # dropped while they were computed
    add(connection, space_id, hashes, vectors)
    for hash_ in hashes:
        connection.execute(
            "UPDATE passages SET embedding_id ="
            " (SELECT id FROM embeddings WHERE space_id = ?1 AND hash = ?2)"
            " WHERE embedding_hash = ?2 AND embedding_id IS NULL",
            (space_id, hash_),
        )


def add(
    connection: apsw.Connection, space_id: int, hashes: Sequence[bytes], vectors: Vectors
) -> None:
    """Keep vectors of passages, pictures or recordings that are still in the index.

    Args:
        connection: The write connection.
        space_id: From ``put_space``.
        hashes: The embedded texts' hashes, or the whole sha256 of a picture or recording.
        vectors: Shape ``(len(hashes), dim)``, rows L2-normalised.
    """
    flat = has_flat(connection, space_id)
    for hash_, vector in zip(hashes, vectors, strict=True):
        row = connection.execute(
            "INSERT INTO embeddings (space_id, hash, vector) SELECT ?1, ?2, ?3"
            " WHERE EXISTS (SELECT 1 FROM passages WHERE embedding_hash = ?2)"
            " OR EXISTS (SELECT 1 FROM documents WHERE sha256 = lower(hex(?2)))"
            " ON CONFLICT DO NOTHING RETURNING id",
            (space_id, hash_, vector.astype("<f2").tobytes()),
        ).fetchone()
        if row and flat:
            connection.execute(
                f"INSERT INTO {flat_name(space_id)} (rowid, vector) VALUES (?, ?)",
                (row[0], vector.astype("<f4").tobytes()),
            )


def delete_unused(connection: apsw.Connection, hashes: Iterable[bytes]) -> None:
    """Delete the vectors of those texts, pictures and recordings that are there no more.

    Binary codes keep the ids; a search drops those that the table no longer has.
    """
    unused = [
        hash_
        for hash_ in set(hashes)
        if connection.execute(
            "SELECT EXISTS (SELECT 1 FROM passages WHERE embedding_hash = ?1)"
            " OR EXISTS (SELECT 1 FROM documents WHERE sha256 = lower(hex(?1)))",
            (hash_,),
        ).get
        == 0
    ]
    for space_id, _ in spaces(connection):
        for hash_ in unused:
            delete(connection, space_id, hash_)


def delete(connection: apsw.Connection, space_id: int, hash_: bytes) -> None:
    """Delete the vector of a text, picture or recording, if there is one."""
    row = connection.execute(
        "DELETE FROM embeddings WHERE space_id = ? AND hash = ? RETURNING id", (space_id, hash_)
    ).fetchone()
    if row and has_flat(connection, space_id):
        connection.execute(f"DELETE FROM {flat_name(space_id)} WHERE rowid = ?", row)


def drop_space(connection: apsw.Connection, space_id: int) -> None:
    """Delete a space with all its vectors; its passages wait to be embedded in another."""
    connection.execute(
        "UPDATE passages SET embedding_id = NULL WHERE embedding_id IN"
        " (SELECT id FROM embeddings WHERE space_id = ?)",
        (space_id,),
    )
    drop_flat(connection, space_id)
    connection.execute("DELETE FROM spaces WHERE id = ?", (space_id,))


def count(connection: apsw.Connection, space_id: int) -> int:
    """Vectors of a space. Costs nothing, however many there are."""
    return int(connection.execute("SELECT vectors FROM spaces WHERE id = ?", (space_id,)).get or 0)


def read(connection: apsw.Connection, ids: Ids, dim: int) -> tuple[Ids, Vectors]:
    """The vectors of those ids that still exist and are whole, ascending by id.

    They are of length one again, which half precision changes a little.
    """
    rows: list[Any] = connection.execute(
        "SELECT id, vector FROM embeddings WHERE id IN (SELECT value FROM json_each(?))"
        " ORDER BY id",
        (msgspec.json.encode(ids.tolist()).decode(),),
    ).fetchall()
    rows = [row for row in rows if len(row[1]) == 2 * dim]
    found = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    packed = b"".join(row[1] for row in rows)
    rows_of = np.frombuffer(packed, "<f2").reshape(len(rows), dim).astype(np.float32)
    whole = np.isfinite(rows_of).all(axis=1)
    if not whole.all():
        found, rows_of = found[whole], rows_of[whole]
    lengths = np.linalg.norm(rows_of, axis=1, keepdims=True)
    np.divide(rows_of, lengths, out=rows_of, where=lengths > 0)
    return found, rows_of


def is_whole(packed: bytes, dim: int) -> bool:
    """Whether a packed vector is one of its space: as long, and of numbers."""
    return len(packed) == 2 * dim and bool(np.isfinite(np.frombuffer(packed, "<f2")).all())


def nearest(ids: Ids, vectors: Vectors, query: Vectors, k: int) -> tuple[Ids, Vectors]:
    """The ``k`` rows nearest to the query, nearest first. Pure."""
    similarity = vectors @ query
    k = min(k, len(ids))
    best = np.argpartition(-similarity, k - 1)[:k] if k else np.empty(0, np.int64)
    best = best[np.lexsort((ids[best], -similarity[best]))]
    return ids[best], similarity[best]


def best_of(one: tuple[Ids, Vectors], other: tuple[Ids, Vectors], k: int) -> tuple[Ids, Vectors]:
    """The ``k`` nearest of two results of ``nearest``, nearest first. Pure."""
    ids = np.concatenate([one[0], other[0]])
    similarity = np.concatenate([one[1], other[1]])
    order = np.lexsort((ids, -similarity))[:k]
    return ids[order], similarity[order]


class FlatIndex:
    """Exact search by sqlite-vec."""

    def __init__(self, space_id: int, dim: int) -> None:
        self._name = flat_name(space_id)
        self._dim = dim

    def search(
        self, connection: apsw.Connection, query: Vectors, k: int, allowed: Ids | None
    ) -> tuple[Ids, Vectors]:
        """See ``VectorIndex``."""
        among, ids_json = "", "[]"
        if allowed is not None:
            among = " AND rowid IN (SELECT value FROM json_each(?3))"
            ids_json = msgspec.json.encode(allowed.tolist()).decode()
        rows: list[Any] = connection.execute(
            f"SELECT rowid, distance FROM {self._name}"
            f" WHERE vector MATCH ?1 AND k = ?2{among} ORDER BY distance",
            (query.astype("<f4").tobytes(), min(k, 4096), ids_json)[: 3 if among else 2],
        ).fetchall()
        ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        return ids, np.fromiter((1.0 - row[1] for row in rows), np.float32, len(rows))


def has_flat(connection: apsw.Connection, space_id: int) -> bool:
    """Whether the space is searched by its flat index."""
    return bool(
        connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name = ?", (flat_name(space_id),)
        ).get
    )


def make_flat(connection: apsw.Connection, space_id: int) -> None:
    """Make a space's flat index anew from the table of vectors."""
    drop_flat(connection, space_id)
    dim = connection.execute("SELECT dim FROM spaces WHERE id = ?", (space_id,)).get
    name = flat_name(space_id)
    connection.execute(
        f"CREATE VIRTUAL TABLE {name} USING vec0 (vector float[{dim}] distance_metric=cosine)"
    )
    rows: list[Any] = connection.execute(
        "SELECT id, vector FROM embeddings WHERE space_id = ?", (space_id,)
    ).fetchall()
    for embedding_id, packed in rows:
        vector = np.frombuffer(packed, "<f2").astype("<f4")
        connection.execute(
            f"INSERT INTO {name} (rowid, vector) VALUES (?, ?)",
            (embedding_id, vector.tobytes()),
        )


def flat_is_sparse(connection: apsw.Connection, space_id: int) -> bool:
    """Whether fewer than half of the flat index's slots hold a vector.

    A search reads every slot, and sqlite-vec fills no slot again whose vector was deleted.
    """
    if not has_flat(connection, space_id):
        return False
    name = flat_name(space_id)
    chunks = connection.execute(f"SELECT count(*) FROM {name}_chunks").get
    if chunks <= 1:  # the least that there can be
        return False
    slots = connection.execute(f"SELECT sum(size) FROM {name}_chunks").get
    live = connection.execute(f"SELECT count(*) FROM {name}_rowids").get
    return bool(2 * live < slots)


def drop_flat(connection: apsw.Connection, space_id: int) -> None:
    """Drop a space's flat index, if it has one."""
    connection.execute(f"DROP TABLE IF EXISTS {flat_name(space_id)}")


def flat_name(space_id: int) -> str:
    """The name of a space's flat index."""
    return f"vectors_flat_{int(space_id)}"
