"""Makes the binary codes of a space's vectors, and those of newer ones.

Runs beside the queries; the writer is held only for short transactions.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import numpy as np

from prismd.store import vectors as truth
from prismd.store.binary_codes import Codes, Floats, Ids, encode
from prismd.store.code_index import (
    TAIL_LIMIT,
    active,
    give_up,
    read_after,
    read_mean,
)
from prismd.store.database import Database

_SAMPLE = 20_000


def build(database: Database, space_id: int, dim: int) -> None:
    """Make all codes anew, while the old index goes on serving; then change over.

    Runs outside the writer's thread, which it holds only for short transactions.
    """
    database.write(lambda c: _drop_unfinished(c, space_id))
    total = database.read(lambda c: truth.count(c, space_id))
    if not total:
        database.write(lambda c: give_up(c, space_id))
        return
    mean = database.read(lambda c: _mean(c, space_id, dim))
    generation_id = database.write(lambda c: _insert_generation(c, space_id, mean, total))
    for ids, codes in _encoded(database, space_id, dim, mean, after=0):
        database.write(lambda c, ids=ids, codes=codes: _insert(c, generation_id, ids, codes))  # type: ignore[misc]
    database.write(lambda c: _change_over(c, space_id, generation_id))
    database.write(lambda c: _drop_unfinished(c, space_id))


def append(database: Database, space_id: int, dim: int) -> None:
    """Make the codes of the newest vectors."""
    generation = database.read(lambda c: active(c, space_id))
    if generation is None:
        return
    mean = database.read(lambda c: read_mean(c, generation))
    for ids, codes in _encoded(database, space_id, dim, mean, after=generation.coded_to):
        database.write(lambda c, ids=ids, codes=codes: _insert(c, generation.id, ids, codes))  # type: ignore[misc]


def _encoded(
    database: Database, space_id: int, dim: int, mean: Floats, after: int
) -> Iterator[tuple[Ids, Codes]]:
    """Ids and codes of the vectors with ids above ``after``, a few thousand at a time."""
    while True:
        ids, vectors = database.read(
            lambda c, after=after: read_after(c, space_id, after, TAIL_LIMIT, dim)  # type: ignore[misc]
        )
        if not len(ids):
            return
        after = int(ids[-1])
        yield ids, encode(vectors, mean)


def _mean(connection: apsw.Connection, space_id: int, dim: int) -> Floats:
    rows = connection.execute("SELECT id FROM embeddings WHERE space_id = ?", (space_id,))
    ids = np.fromiter((row[0] for row in rows), np.int64)
    if len(ids) > _SAMPLE:
        ids = np.sort(np.random.default_rng(0).choice(ids, _SAMPLE, replace=False))
    whole = truth.read(connection, ids, dim)[1]
    mean: Floats = whole.sum(axis=0, dtype=np.float32) / max(1, len(whole))
    return mean


def _insert_generation(connection: apsw.Connection, space_id: int, mean: Floats, total: int) -> int:
    connection.execute(
        "INSERT INTO vector_generations (space_id, state, mean, made_of, coded, coded_to)"
        " VALUES (?, 'building', ?, ?, 0, 0)",
        (space_id, mean.astype("<f4").tobytes(), total),
    )
    return connection.last_insert_rowid()


def _insert(connection: apsw.Connection, generation_id: int, ids: Ids, codes: Codes) -> None:
    connection.execute(
        "INSERT INTO vector_codes (generation_id, ids, codes) VALUES (?, ?, ?)",
        (generation_id, ids.astype("<i8").tobytes(), codes.astype("<u8").tobytes()),
    )
    connection.execute(
        "UPDATE vector_generations SET coded = coded + ?, coded_to = ? WHERE id = ?",
        (len(ids), int(ids[-1]), generation_id),
    )


def _change_over(connection: apsw.Connection, space_id: int, generation_id: int) -> None:
    connection.execute(
        "UPDATE vector_generations SET state = 'old' WHERE space_id = ? AND state = 'active'",
        (space_id,),
    )
    connection.execute(
        "UPDATE vector_generations SET state = 'active' WHERE id = ?", (generation_id,)
    )
    truth.drop_flat(connection, space_id)


def _drop_unfinished(connection: apsw.Connection, space_id: int) -> None:
    connection.execute(
        "DELETE FROM vector_generations WHERE space_id = ? AND state != 'active'", (space_id,)
    )
