"""The flat index, and the vectors that every index is made from."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from prismd.store import retrieval, vector_search, vectors
from prismd.store.database import Database
from prismd.store.vectors import FlatIndex
from tests.store.vector_rows import DIM, SPACE, clustered, fill, flat, forget, search, wrong_vectors


def test_a_flat_index_of_mostly_deleted_vectors_is_made_anew(database: Database) -> None:
    rows = clustered(3_000)
    fill(database, rows)
    assert vector_search.maintain(database, 1, DIM) == ""
    slots = "SELECT sum(size) FROM vectors_flat_1_chunks"
    before = database.read(lambda c: c.execute(slots).get)
    forget(database, [number for number in range(1, 3_001) if number % 3])
    assert vector_search.maintain(database, 1, DIM) == "compact"
    assert vector_search.maintain(database, 1, DIM) == ""
    assert database.read(lambda c: c.execute(slots).get) < before
    assert search(database, flat(database), rows[2])[0][0] == 3
    assert wrong_vectors(database) == []


def test_a_flat_index_of_few_vectors_is_left_as_it_is(database: Database) -> None:
    fill(database, clustered(3))
    forget(database, [1, 2])
    assert vector_search.maintain(database, 1, DIM) == ""


def test_vectors_are_counted_however_they_come_and_go(database: Database) -> None:
    def counted() -> int:
        return database.read(lambda c: vectors.count(c, 1))

    rows = clustered(40)
    fill(database, rows)
    assert counted() == 40
    hashes = [n.to_bytes(16, "big") for n in range(40)]
    database.write(lambda c: vectors.store(c, 1, hashes, rows))  # they are there already
    assert counted() == 40
    forget(database, list(range(1, 11)))
    assert counted() == 30
    with pytest.raises(ZeroDivisionError):
        database.write(lambda c: (c.execute("DELETE FROM embeddings"), 1 / 0))
    assert counted() == 30
    database.write(lambda c: c.execute("DELETE FROM embeddings"))
    assert counted() == 0
    database.write(lambda c: vectors.drop_space(c, 1))
    assert counted() == 0


def test_vectors_of_another_space_do_not_compare(database: Database) -> None:
    rows = clustered(3)
    fill(database, rows)
    other = msgspec.structs.replace(SPACE, model="of the same width")
    other_id = database.write(lambda c: vectors.put_space(c, other))

    def similarities(space_id: int | None) -> dict[int, float]:
        return database.read(lambda c: retrieval.similarities(c, rows[0], [1, 2, 3], space_id))

    assert similarities(1)[1] == pytest.approx(1.0, abs=2e-3)
    assert len(similarities(1)) == 3
    assert similarities(other_id) == {}
    assert similarities(None) == {}


def test_a_text_that_no_passage_has_leaves_every_space(database: Database) -> None:
    rows = clustered(3)
    fill(database, rows)
    other = msgspec.structs.replace(SPACE, model="another")
    hashes = [n.to_bytes(16, "big") for n in range(3)]
    other_id = database.write(lambda c: vectors.put_space(c, other))
    database.write(lambda c: vectors.store(c, other_id, hashes, rows))
    forget(database, [2])
    for space_id in (1, other_id):
        assert database.read(lambda c, id_=space_id: vectors.count(c, id_)) == 2  # type: ignore[misc]
        index = FlatIndex(space_id, DIM)
        assert len(search(database, index, rows[1])[0]) == 2


def test_vectors_are_read_with_the_length_that_half_precision_took_from_them(
    database: Database,
) -> None:
    fill(database, clustered(300))
    ids = np.arange(1, 301)
    _, rows = database.read(lambda c: vectors.read(c, ids, DIM))
    assert np.abs(np.linalg.norm(rows, axis=1) - 1.0).max() < 1e-6
