"""An index for many vectors: their binary codes, kept in the SQLite file and held in memory.

Rows of the table ``vector_codes`` hold the ids and codes of thousands of vectors each. They are
read at the first search, 56 MB for a million of 384 dimensions; a search adds what came since,
compares all codes (``binary_codes``), and the best few hundred exactly with the float16 rows of the
table ``embeddings``.
"""

from __future__ import annotations

import threading
from typing import Any, Literal

import apsw
import msgspec
import numpy as np

from prismd.errors import StoreError
from prismd.store import vectors as truth
from prismd.store.binary_codes import BinaryCodes, Floats, Ids, encode

CANDIDATES = 300
TAIL_LIMIT = 4_096


class Generation(msgspec.Struct, frozen=True):
    """One making of the codes. The newest ``active`` one serves.

    Attributes:
        id: Never used again.
        space_id: Whose vectors they are.
        made_of: How many vectors there were.
        coded: How many codes there are, those of deleted vectors included.
        coded_to: Vectors with ids above have no codes in the file yet.
    """

    id: int
    space_id: int
    made_of: int
    coded: int
    coded_to: int


def active(connection: apsw.Connection, space_id: int) -> Generation | None:
    """The generation that serves a space, if its vectors have codes."""
    row = connection.execute(
        "SELECT id, space_id, made_of, coded, coded_to FROM vector_generations"
        " WHERE space_id = ? AND state = 'active' ORDER BY id DESC LIMIT 1",
        (space_id,),
    ).fetchone()
    return Generation(*row) if row else None


def plan(connection: apsw.Connection, generation: Generation) -> Literal["make", "append", ""]:
    """Whether the codes are to be made anew, or to be given the newest vectors'."""
    live = truth.count(connection, generation.space_id)
    # The mean of twice as many may be another; codes of deleted vectors take room among the best.
    if live > 2 * generation.made_of or 4 * live < 3 * generation.coded:
        return "make"
    tail = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM embeddings WHERE +space_id = ? AND id > ? LIMIT ?)",
        (generation.space_id, generation.coded_to, TAIL_LIMIT),
    ).get
    return "append" if tail >= TAIL_LIMIT else ""


class _Held(msgspec.Struct, frozen=True):
    """Codes in memory: of which generation, and of all vectors with ids up to which."""

    generation_id: int
    seen_to: int
    codes: BinaryCodes


class CodeIndex:
    """Approximate search by binary codes; see ``vectors.VectorIndex``. For several threads."""

    def __init__(self, space_id: int, dim: int) -> None:
        self._space_id = space_id
        self._dim = dim
        self._held: _Held | None = None
        self._reading = threading.Lock()

    def ready(self, connection: apsw.Connection) -> bool:
        """Whether the space has codes."""
        return active(connection, self._space_id) is not None

    def search(
        self, connection: apsw.Connection, query: Floats, k: int, allowed: Ids | None
    ) -> tuple[Ids, Floats]:
        """See ``vectors.VectorIndex``."""
        generation = active(connection, self._space_id)
        if generation is None:
            raise StoreError("the vectors have no codes; run 'prismd check'")
        codes = self._codes(connection, generation)
        ids = codes.candidates(query, max(CANDIDATES, 2 * k), allowed)
        return truth.nearest(*truth.read(connection, ids, self._dim), query, k)

    def _codes(self, connection: apsw.Connection, generation: Generation) -> BinaryCodes:
        """The codes of at least all vectors that this reader's snapshot has."""
        newest = connection.execute("SELECT coalesce(max(id), 0) FROM embeddings").get
        with self._reading:  # or each of several callers would read tens of megabytes of its own
            held = self._held
            if held is None or held.generation_id != generation.id:
                self._held = None  # the old ones go before the new ones come
                codes = read_codes(connection, generation, self._dim)
                held = _Held(generation.id, generation.coded_to, codes)
            if held.seen_to < newest:
                codes = self._with_newest(connection, held)
                held = _Held(generation.id, newest, codes)
            self._held = held
            return held.codes

    def _with_newest(self, connection: apsw.Connection, held: _Held) -> BinaryCodes:
        codes, after = held.codes, held.seen_to
        while True:
            ids, vectors = read_after(connection, self._space_id, after, TAIL_LIMIT, self._dim)
            if not len(ids):
                return codes
            after = int(ids[-1])
            codes = codes.extended(ids, encode(vectors, codes.mean))


def read_codes(connection: apsw.Connection, generation: Generation, dim: int) -> BinaryCodes:
    """The codes of a generation that are in the file."""
    rows: list[Any] = connection.execute(
        "SELECT ids, codes FROM vector_codes WHERE generation_id = ? ORDER BY id", (generation.id,)
    ).fetchall()
    ids = np.frombuffer(b"".join(row[0] for row in rows), "<i8")
    codes = np.frombuffer(b"".join(row[1] for row in rows), "<u8").reshape(-1, -(-dim // 64))
    order = np.argsort(ids, kind="stable")  # earlier versions wrote them in another
    if not np.array_equal(order, np.arange(len(ids))):
        ids, codes = ids[order], codes[order]
    return BinaryCodes(read_mean(connection, generation)).extended(ids, codes)


def read_mean(connection: apsw.Connection, generation: Generation) -> Floats:
    """What the codes of a generation are taken against, of shape ``(dim,)``."""
    packed = connection.execute(
        "SELECT mean FROM vector_generations WHERE id = ?", (generation.id,)
    ).get
    return np.frombuffer(packed, "<f4")


def read_after(
    connection: apsw.Connection, space_id: int, after: int, limit: int, dim: int
) -> tuple[Ids, Floats]:
    """At most ``limit`` whole vectors of a space with ids above ``after``, ascending by id."""
    rows: list[Any] = connection.execute(
        # The sign keeps SQLite from walking the whole space by its other index.
        "SELECT id, vector FROM embeddings WHERE id > ? AND +space_id = ? AND length(vector) = ?"
        " ORDER BY id LIMIT ?",
        (after, space_id, 2 * dim, limit),
    ).fetchall()
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    packed = b"".join(row[1] for row in rows)
    return ids, np.frombuffer(packed, "<f2").reshape(len(rows), dim).astype(np.float32)


def missing(connection: apsw.Connection, space_id: int) -> int:
    """How many vectors neither have codes nor are among the newest, which need none yet."""
    generation = active(connection, space_id)
    coded_to = 2**62 if generation is None else generation.coded_to
    rows: list[Any] = connection.execute(
        "SELECT id FROM embeddings WHERE space_id = ? AND id <= ?",
        (space_id, coded_to),
    ).fetchall()
    wanted = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    if generation is None:
        return 0 if truth.has_flat(connection, space_id) else max(1, len(wanted))
    dim = connection.execute("SELECT dim FROM spaces WHERE id = ?", (space_id,)).get
    packed: list[Any] = connection.execute(
        "SELECT ids FROM vector_codes WHERE generation_id = ? AND length(codes) = length(ids) * ?",
        (generation.id, -(-dim // 64)),
    ).fetchall()
    return len(np.setdiff1d(wanted, np.frombuffer(b"".join(row[0] for row in packed), "<i8")))


def give_up(connection: apsw.Connection, space_id: int) -> None:
    """Go back to the flat index; codes are made again where it is too slow."""
    connection.execute("DELETE FROM vector_generations WHERE space_id = ?", (space_id,))
    truth.make_flat(connection, space_id)
