"""Which index searches a space: exact while it is small, inverted lists beyond."""

from __future__ import annotations

from typing import Literal

import apsw

from prismd.domain import EmbeddingSpace
from prismd.store import inverted_lists, list_building, vectors
from prismd.store.database import Database
from prismd.store.vectors import Ids, Vectors

FLAT_LIMIT = 20_000
_EXACT_LIMIT = 20_000


class SpaceSearch:
    """Searches a space by whichever index it has at the moment."""

    def __init__(self, space_id: int, space: EmbeddingSpace) -> None:
        self.space_id = space_id
        self.dim = space.dim
        self._flat = vectors.FlatIndex(space_id, space.dim)
        self._lists = inverted_lists.ListIndex(space_id, space.dim)

    def search(
        self, connection: apsw.Connection, query: Vectors, k: int, allowed: Ids | None = None
    ) -> tuple[Ids, Vectors]:
        """See ``VectorIndex``. A few allowed ones are compared exactly, whatever the index."""
        if allowed is not None and len(allowed) <= _EXACT_LIMIT:
            return vectors.nearest(*vectors.read(connection, allowed, self.dim), query, k)
        index: vectors.VectorIndex = self._lists if self._lists.ready(connection) else self._flat
        return index.search(connection, query, k, allowed)


def plan(connection: apsw.Connection, space_id: int) -> Literal["train", "append", "compact", ""]:
    """What maintenance a space's index wants now. Cheap enough to ask every few seconds."""
    generation = inverted_lists.active(connection, space_id)
    if generation is None:
        if vectors.count(connection, space_id) > FLAT_LIMIT:
            return "train"
        return "compact" if vectors.flat_is_sparse(connection, space_id) else ""
    return inverted_lists.plan(connection, generation)


def maintain(database: Database, space_id: int, dim: int) -> str:
    """Do what the space's index wants, if anything, while queries go on.

    Returns:
        What was done: ``train``, ``append``, ``compact`` or nothing.
    """
    wanted = database.read(lambda connection: plan(connection, space_id))
    if wanted == "train":
        list_building.build(database, space_id, dim)
    elif wanted == "append":
        list_building.append(database, space_id, dim)
    elif wanted == "compact":
        database.write(lambda connection: vectors.make_flat(connection, space_id))
    return wanted
