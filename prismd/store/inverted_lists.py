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

PROBES = 16
CANDIDATES = 200
TAIL_LIMIT = 4_096

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
        (generation.space_id, generation.listed_to, TAIL_LIMIT),
    ).get
    return "append" if tail >= TAIL_LIMIT else ""


# Pure


def encode(vectors: Floats, mean: Floats) -> Codes:
    """Bit codes: shape ``(n, ceil(dim / 64))``, bit set where a value is above the mean's."""
    bits = np.packbits(vectors > mean, axis=1)
    padding = -bits.shape[1] % 8
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, padding)))).view(np.uint64)


# Searching


class Trained(msgspec.Struct, frozen=True):
    """What a generation was trained to: centroids of shape (lists, dim), mean of shape (dim,)."""

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
        self._trained: Trained | None = None

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
            ids, vectors = read_after(connection, generation.space_id, after, TAIL_LIMIT, self._dim)
            if not len(ids):
                return best
            after = int(ids[-1])
            if allowed is not None:
                keep = np.isin(ids, allowed)
                ids, vectors = ids[keep], vectors[keep]
            best = truth.best_of(best, truth.nearest(ids, vectors, query, k), k)

    def _load(self, connection: apsw.Connection, generation: Generation) -> Trained:
        trained = self._trained
        if trained is None or trained.generation != generation.id:
            # Returned as it is here: another reader may put its own in the attribute's place.
            trained = self._trained = read_trained(connection, generation.id, self._dim)
        return trained

    def _candidate_ids(
        self,
        connection: apsw.Connection,
        trained: Trained,
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


def read_trained(connection: apsw.Connection, generation_id: int, dim: int) -> Trained:
    """What a generation was trained to."""
    row = connection.execute(
        "SELECT centroids, mean FROM vector_generations WHERE id = ?", (generation_id,)
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller read the generation in this snapshot
    centroids = np.frombuffer(row[0], "<f4").reshape(-1, dim)
    return Trained(generation_id, centroids, np.frombuffer(row[1], "<f4"))


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


def read_after(
    connection: apsw.Connection, space_id: int, after: int, limit: int, dim: int
) -> tuple[Ids, Floats]:
    """At most ``limit`` vectors of a space with ids above ``after``, ascending by id."""
    rows: list[Any] = connection.execute(
        # The sign keeps SQLite from walking the whole space by its other index.
        "SELECT id, vector FROM embeddings WHERE id > ? AND +space_id = ? ORDER BY id LIMIT ?",
        (after, space_id, limit),
    ).fetchall()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    packed = b"".join(row[1] for row in rows)
    return ids, np.frombuffer(packed, "<f2").reshape(len(rows), dim).astype(np.float32)


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
