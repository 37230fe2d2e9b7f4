"""An index for many vectors, inside the SQLite file: inverted lists of packed bit codes.

Centroids part the space into about √N lists. A vector is kept in the list of its nearest
centroid as its id and one bit per dimension (above or below the mean). A query reads the lists
of the nearest centroids by one SELECT, ranks their codes by Hamming distance, and compares the
best few hundred exactly with the float16 rows of the table ``embeddings``.

(IVF: Jégou, Douze, Schmid, PAMI 2011; sign codes against the mean: Charikar, STOC 2002.)
"""

from __future__ import annotations

from typing import Any, Literal

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.errors import StoreError
from prismd.store import vectors as truth
from prismd.store.database import Database

PROBES = 16
CANDIDATES = 200
_TAIL_LIMIT = 4_096
_SAMPLE_PER_LIST = 64
_ITERATIONS = 8
_CHUNK = 16_384
_ROW_ENTRIES = 2_048
_LISTS_PER_TRANSACTION = 64

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Codes = NDArray[np.uint64]


class Generation(msgspec.Struct, frozen=True):
    """One training of the lists. The newest ``active`` one serves."""

    id: int
    space_id: int
    trained_on: int
    listed: int
    listed_to: int


def active(connection: apsw.Connection, space_id: int) -> Generation | None:
    """The generation that serves a space, if its vectors are in lists."""
    row = connection.execute(
        "SELECT id, space_id, trained_on, listed, listed_to FROM vector_generations"
        " WHERE space_id = ? AND state = 'active' ORDER BY id DESC LIMIT 1",
        (space_id,),
    ).fetchone()
    return Generation(*row) if row else None


def plan(connection: apsw.Connection, generation: Generation) -> Literal["train", "append", ""]:
    """Whether the lists are to be trained anew, or to take in the newest vectors."""
    live = truth.count(connection, generation.space_id)
    if live > 2 * generation.trained_on or live < generation.listed / 2:
        return "train"
    tail = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM embeddings WHERE +space_id = ? AND id > ? LIMIT ?)",
        (generation.space_id, generation.listed_to, _TAIL_LIMIT),
    ).get
    return "append" if tail >= _TAIL_LIMIT else ""


# Pure


def encode(vectors: Floats, mean: Floats) -> Codes:
    """Bit codes: shape ``(n, ceil(dim / 64))``, bit set where a value is above the mean's."""
    bits = np.packbits(vectors > mean, axis=1)
    padding = -bits.shape[1] % 8
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, padding)))).view(np.uint64)


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


# Searching


class _Trained(msgspec.Struct, frozen=True):
    generation: int
    centroids: Floats
    mean: Floats


class ListIndex:
    """Approximate search by inverted lists; see ``vectors.VectorIndex``."""

    def __init__(
        self, space_id: int, dim: int, *, probes: int = PROBES, candidates: int = CANDIDATES
    ) -> None:
        self._space_id = space_id
        self._dim = dim
        self._probes = probes
        self._candidates = candidates
        self._trained: _Trained | None = None

    def ready(self, connection: apsw.Connection) -> bool:
        """Whether the space has lists."""
        return active(connection, self._space_id) is not None

    def search(
        self, connection: apsw.Connection, query: Floats, k: int, allowed: Ids | None
    ) -> tuple[Ids, Floats]:
        """See ``vectors.VectorIndex``."""
        generation = active(connection, self._space_id)
        if generation is None:
            raise StoreError("the vectors are not in lists; run 'prismd check'")
        trained = self._load(connection, generation)
        ids = self._candidate_ids(connection, trained, query, k, allowed)
        best = truth.nearest(*truth.read(connection, ids, self._dim), query, k)
        return self._with_tail(connection, generation, query, k, allowed, best)

    def _with_tail(
        self,
        connection: apsw.Connection,
        generation: Generation,
        query: Floats,
        k: int,
        allowed: Ids | None,
        best: tuple[Ids, Floats],
    ) -> tuple[Ids, Floats]:
        """The best of the lists and of the vectors that came after them, which may be many."""
        after = generation.listed_to
        while True:
            ids, vectors = _read_after(
                connection, generation.space_id, after, _TAIL_LIMIT, self._dim
            )
            if not len(ids):
                return best
            after = int(ids[-1])
            if allowed is not None:
                keep = np.isin(ids, allowed)
                ids, vectors = ids[keep], vectors[keep]
            best = truth.best_of(best, truth.nearest(ids, vectors, query, k), k)

    def _load(self, connection: apsw.Connection, generation: Generation) -> _Trained:
        trained = self._trained
        if trained is None or trained.generation != generation.id:
            # Returned as it is here: another reader may put its own in the attribute's place.
            trained = self._trained = _read_trained(connection, generation.id, self._dim)
        return trained

    def _candidate_ids(
        self,
        connection: apsw.Connection,
        trained: _Trained,
        query: Floats,
        k: int,
        allowed: Ids | None,
    ) -> Ids:
        probes, candidates = self._probes, max(self._candidates, 2 * k)
        lists = len(trained.centroids)
        if allowed is not None:
            # So many lists that they hold as many allowed vectors as an open search reads.
            total = active_count(connection, trained.generation)
            probes = int(np.ceil(probes * total / max(1, len(allowed))))
        probes = min(lists, probes)
        similarity = trained.centroids @ query
        chosen = np.argpartition(-similarity, probes - 1)[:probes]
        ids, codes = _read_lists(connection, trained.generation, chosen, self._dim)
        if allowed is not None:
            keep = np.isin(ids, allowed)
            ids, codes = ids[keep], codes[keep]
        if len(ids) <= candidates:
            return np.sort(ids)
        code = encode(query[None, :], trained.mean)
        distance = np.bitwise_count(codes ^ code).sum(axis=1, dtype=np.int32)
        best = np.argpartition(distance, candidates - 1)[:candidates]
        return np.sort(ids[best])


def _read_trained(connection: apsw.Connection, generation_id: int, dim: int) -> _Trained:
    row = connection.execute(
        "SELECT centroids, mean FROM vector_generations WHERE id = ?", (generation_id,)
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller read the generation in this snapshot
    centroids = np.frombuffer(row[0], "<f4").reshape(-1, dim)
    return _Trained(generation_id, centroids, np.frombuffer(row[1], "<f4"))


def active_count(connection: apsw.Connection, generation_id: int) -> int:
    """Entries in the lists of a generation, deleted ones included."""
    return int(
        connection.execute(
            "SELECT listed FROM vector_generations WHERE id = ?", (generation_id,)
        ).get
    )


def _read_lists(
    connection: apsw.Connection, generation_id: int, lists: NDArray[np.int64], dim: int
) -> tuple[Ids, Codes]:
    marks = ", ".join(str(int(number)) for number in lists)
    rows: list[Any] = connection.execute(
        f"SELECT ids, codes FROM vector_lists WHERE generation_id = ? AND list IN ({marks})",
        (generation_id,),
    ).fetchall()
    ids = np.frombuffer(b"".join(row[0] for row in rows), "<i8")
    codes = np.frombuffer(b"".join(row[1] for row in rows), "<u8")
    return ids, codes.reshape(len(ids), -(-dim // 64))


def _read_after(
    connection: apsw.Connection, space_id: int, after: int, limit: int, dim: int
) -> tuple[Ids, Floats]:
    rows: list[Any] = connection.execute(
        # The sign keeps SQLite from walking the whole space by its other index.
        "SELECT id, vector FROM embeddings WHERE id > ? AND +space_id = ? ORDER BY id LIMIT ?",
        (after, space_id, limit),
    ).fetchall()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    packed = b"".join(row[1] for row in rows)
    return ids, np.frombuffer(packed, "<f2").reshape(len(rows), dim).astype(np.float32)


# Building


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


def missing(connection: apsw.Connection, space_id: int) -> int:
    """How many vectors neither the lists have nor the search of the newest finds."""
    generation = active(connection, space_id)
    listed_to = 2**62 if generation is None else generation.listed_to
    rows: list[Any] = connection.execute(
        "SELECT id FROM embeddings WHERE space_id = ? AND id <= ?",
        (space_id, listed_to),
    ).fetchall()
    wanted = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    if generation is None:
        return 0 if truth.has_flat(connection, space_id) else max(1, len(wanted))
    packed: list[Any] = connection.execute(
        "SELECT ids FROM vector_lists WHERE generation_id = ?", (generation.id,)
    ).fetchall()
    return len(np.setdiff1d(wanted, np.frombuffer(b"".join(row[0] for row in packed), "<i8")))


def give_up(connection: apsw.Connection, space_id: int) -> None:
    """Go back to the flat index; lists are made again where it is too slow."""
    connection.execute("DELETE FROM vector_generations WHERE space_id = ?", (space_id,))
    truth.make_flat(connection, space_id)


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
            lambda c, after=after: _read_after(c, space_id, after, _CHUNK, dim)  # type: ignore[misc]
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
    trained = database.read(lambda c: _read_trained(c, generation.id, dim))
    after = generation.listed_to
    while True:
        ids, vectors = database.read(
            lambda c, after=after: _read_after(c, space_id, after, _TAIL_LIMIT, dim)  # type: ignore[misc]
        )
        if not len(ids):
            return
        after = int(ids[-1])
        _append_block(database, trained, ids, vectors)


def _append_block(database: Database, trained: _Trained, ids: Ids, vectors: Floats) -> None:
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
