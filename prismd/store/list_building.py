"""Makes the inverted lists: trains centroids, fills the lists, takes newer vectors in.

Runs beside the queries; the writer is held only for short transactions.
"""

from __future__ import annotations

import apsw
import numpy as np
from numpy.typing import NDArray

from prismd.store import vectors as truth
from prismd.store.database import Database
from prismd.store.inverted_lists import (
    TAIL_LIMIT,
    Codes,
    Floats,
    Ids,
    Trained,
    active,
    encode,
    give_up,
    read_after,
    read_trained,
)

_SAMPLE_PER_LIST = 64
_ITERATIONS = 8
_CHUNK = 16_384
_ROW_ENTRIES = 2_048
_LISTS_PER_TRANSACTION = 64


def train(sample: Floats, lists: int, seed: int = 0) -> Floats:
    """Centroids of shape ``(lists, dim)``, L2-normalised, by spherical k-means."""
    random = np.random.default_rng(seed)
    centroids = sample[random.choice(len(sample), lists, replace=False)].copy()
    for _ in range(_ITERATIONS):
        nearest = assign(sample, centroids)
        sums = np.zeros_like(centroids)
        for number, members in _grouped(nearest):
            sums[number] = sample[members].sum(axis=0)
        sizes = np.bincount(nearest, minlength=lists)
        # An empty list takes a random vector, or it would stay empty for good.
        empty = np.flatnonzero(sizes == 0)
        sums[empty] = sample[random.choice(len(sample), len(empty))]
        centroids = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return centroids


def assign(vectors: Floats, centroids: Floats) -> NDArray[np.int64]:
    """The nearest centroid of each vector."""
    out = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _CHUNK):
        part = vectors[start : start + _CHUNK]
        out[start : start + _CHUNK] = np.argmax(part @ centroids.T, axis=1)
    return out


def build(database: Database, space_id: int, dim: int) -> None:
    """Train lists and fill them, while the old index goes on serving; then change over.

    Runs outside the writer's thread, which it holds only for short transactions.
    """
    database.write(_drop_unfinished)
    total = database.read(lambda c: truth.count(c, space_id))
    if not total:
        database.write(lambda c: give_up(c, space_id))
        return
    lists = max(1, round(total**0.5))
    sample = database.read(lambda c: _sample(c, space_id, lists * _SAMPLE_PER_LIST, dim))
    mean = sample.mean(axis=0).astype(np.float32)
    centroids = train(sample, min(lists, len(sample)))
    generation_id = database.write(
        lambda c: _insert_generation(c, space_id, centroids, mean, total)
    )
    members, last_id = _collect(database, space_id, dim, centroids, mean)
    _write_lists(database, generation_id, members)
    listed = sum(len(ids) for ids, _ in members.values())
    database.write(lambda c: _change_over(c, space_id, generation_id, listed, last_id))
    database.write(_drop_unfinished)


def _sample(connection: apsw.Connection, space_id: int, size: int, dim: int) -> Floats:
    ids = np.fromiter(
        (
            r[0]
            for r in connection.execute("SELECT id FROM embeddings WHERE space_id=?", (space_id,))
        ),
        np.int64,
    )
    if len(ids) > size:
        ids = np.sort(np.random.default_rng(0).choice(ids, size, replace=False))
    return truth.read(connection, ids, dim)[1]


def _insert_generation(
    connection: apsw.Connection, space_id: int, centroids: Floats, mean: Floats, total: int
) -> int:
    connection.execute(
        "INSERT INTO vector_generations (space_id, state, centroids, mean, trained_on, listed,"
        " listed_to) VALUES (?, 'building', ?, ?, ?, 0, 0)",
        (space_id, centroids.astype("<f4").tobytes(), mean.astype("<f4").tobytes(), total),
    )
    return connection.last_insert_rowid()


Members = dict[int, tuple[Ids, Codes]]


def _collect(
    database: Database, space_id: int, dim: int, centroids: Floats, mean: Floats
) -> tuple[Members, int]:
    """Assign every vector, a chunk at a time: only ids and codes stay in memory."""
    parts: dict[int, list[tuple[Ids, Codes]]] = {}
    last_id = 0
    while True:
        after = last_id
        ids, vectors = database.read(
            lambda c, after=after: read_after(c, space_id, after, _CHUNK, dim)  # type: ignore[misc]
        )
        if not len(ids):
            break
        last_id = int(ids[-1])
        for number, chosen in _grouped(assign(vectors, centroids)):
            parts.setdefault(number, []).append((ids[chosen], encode(vectors[chosen], mean)))
    members = {
        number: (
            np.concatenate([ids for ids, _ in pieces]),
            np.concatenate([codes for _, codes in pieces]),
        )
        for number, pieces in parts.items()
    }
    return members, last_id


def _grouped(lists: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    order = np.argsort(lists, kind="stable")
    borders = np.flatnonzero(np.diff(lists[order])) + 1
    return [(int(lists[part[0]]), part) for part in np.split(order, borders) if len(part)]


def _write_lists(database: Database, generation_id: int, members: Members) -> None:
    numbers = sorted(members)
    for start in range(0, len(numbers), _LISTS_PER_TRANSACTION):
        chosen = numbers[start : start + _LISTS_PER_TRANSACTION]

        def write(connection: apsw.Connection, chosen: list[int] = chosen) -> None:
            for number in chosen:
                _insert_rows(connection, generation_id, number, *members[number])

        database.write(write)


def _insert_rows(
    connection: apsw.Connection, generation_id: int, number: int, ids: Ids, codes: Codes
) -> None:
    for start in range(0, len(ids), _ROW_ENTRIES):
        part = slice(start, start + _ROW_ENTRIES)
        connection.execute(
            "INSERT INTO vector_lists (generation_id, list, ids, codes) VALUES (?, ?, ?, ?)",
            (generation_id, number, ids[part].tobytes(), codes[part].tobytes()),
        )


def _change_over(
    connection: apsw.Connection, space_id: int, generation_id: int, listed: int, listed_to: int
) -> None:
    connection.execute(
        "UPDATE vector_generations SET state = 'old' WHERE space_id = ? AND state = 'active'",
        (space_id,),
    )
    connection.execute(
        "UPDATE vector_generations SET state = 'active', listed = ?, listed_to = ? WHERE id = ?",
        (listed, listed_to, generation_id),
    )
    truth.drop_flat(connection, space_id)


def _drop_unfinished(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM vector_generations WHERE state != 'active'")


def append(database: Database, space_id: int, dim: int) -> None:
    """Take the newest vectors into the lists, so many at a time as a search reads of them."""
    generation = database.read(lambda c: active(c, space_id))
    if generation is None:
        return
    trained = database.read(lambda c: read_trained(c, generation.id, dim))
    after = generation.listed_to
    while True:
        ids, vectors = database.read(
            lambda c, after=after: read_after(c, space_id, after, TAIL_LIMIT, dim)  # type: ignore[misc]
        )
        if not len(ids):
            return
        after = int(ids[-1])
        _append_block(database, trained, ids, vectors)


def _append_block(database: Database, trained: Trained, ids: Ids, vectors: Floats) -> None:
    codes = encode(vectors, trained.mean)
    groups = _grouped(assign(vectors, trained.centroids))

    def write(connection: apsw.Connection) -> None:
        for number, chosen in groups:
            _append_to_list(connection, trained.generation, number, ids[chosen], codes[chosen])
        connection.execute(
            "UPDATE vector_generations SET listed = listed + ?, listed_to = ? WHERE id = ?",
            (len(ids), int(ids[-1]), trained.generation),
        )

    database.write(write)


def _append_to_list(
    connection: apsw.Connection, generation_id: int, number: int, ids: Ids, codes: Codes
) -> None:
    row = connection.execute(
        "SELECT id, ids, codes FROM vector_lists WHERE generation_id = ? AND list = ?"
        " ORDER BY id DESC LIMIT 1",
        (generation_id, number),
    ).fetchone()
    if row and len(row[1]) // 8 + len(ids) <= _ROW_ENTRIES:
        connection.execute(
            "UPDATE vector_lists SET ids = ?, codes = ? WHERE id = ?",
            (row[1] + ids.tobytes(), row[2] + codes.tobytes(), row[0]),
        )
    else:
        _insert_rows(connection, generation_id, number, ids, codes)
