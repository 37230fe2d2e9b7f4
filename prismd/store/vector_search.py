"""Which index searches a space: exact while it is small, binary codes beyond."""

from __future__ import annotations

from typing import Literal

import apsw

from prismd.domain import EmbeddingSpace
from prismd.store import code_building, code_index, vectors
from prismd.store.database import Database
from prismd.store.vectors import Ids, Vectors

FLAT_LIMIT = 5_000
# So many vectors are read from the table sooner than an index is asked.
_EXACT_LIMIT = 500


class SpaceSearch:
    """Searches a space by whichever index it has at the moment."""

    def __init__(self, space_id: int, space: EmbeddingSpace) -> None:
        self.space_id = space_id
        self.dim = space.dim
        self._flat = vectors.FlatIndex(space_id, space.dim)
        self._codes = code_index.CodeIndex(space_id, space.dim)

    def search(
        self, connection: apsw.Connection, query: Vectors, k: int, allowed: Ids | None = None
    ) -> tuple[Ids, Vectors]:
        """See ``VectorIndex``. A few allowed ones are compared exactly, whatever the index."""
        if allowed is not None and len(allowed) <= _EXACT_LIMIT:
            return vectors.nearest(*vectors.read(connection, allowed, self.dim), query, k)
        index: vectors.VectorIndex = self._codes if self._codes.ready(connection) else self._flat
        return index.search(connection, query, k, allowed)


def plan(connection: apsw.Connection, space_id: int) -> Literal["make", "append", "compact", ""]:
    """What maintenance a space's index wants now. Cheap enough to ask every few seconds."""
    generation = code_index.active(connection, space_id)
    if generation is None:
        if vectors.count(connection, space_id) > FLAT_LIMIT:
            return "make"
        return "compact" if vectors.flat_is_sparse(connection, space_id) else ""
    return code_index.plan(connection, generation)


def maintain(database: Database, space_id: int, dim: int) -> str:
    """Do what the space's index wants, if anything, while queries go on.

    Returns:
        What was done: ``make``, ``append``, ``compact`` or nothing.
    """
    wanted = database.read(lambda connection: plan(connection, space_id))
    if wanted == "make":
        code_building.build(database, space_id, dim)
    elif wanted == "append":
        code_building.append(database, space_id, dim)
    elif wanted == "compact":
        database.write(lambda connection: vectors.make_flat(connection, space_id))
    return wanted
