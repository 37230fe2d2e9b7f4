"""One suite for every way of finding near vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from prismd.store import code_building, vector_search
from prismd.store.database import Database
from prismd.store.vectors import VectorIndex
from tests.store.vector_rows import (
    DIM,
    K,
    clustered,
    codes,
    either,
    exact,
    fill,
    flat,
    forget,
    recall,
    search,
    wrong_vectors,
)

Make = Callable[[Database], VectorIndex]


@pytest.fixture(params=[flat, codes, either], ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    return request.param  # type: ignore[no-any-return]


def test_the_nearest_are_found(database: Database, make: Make) -> None:
    rows = clustered(5_000)
    fill(database, rows)
    index = make(database)
    queries = clustered(60, seed=1)
    found = [search(database, index, query)[0] for query in queries]
    assert recall(found, [exact(rows, query) for query in queries]) >= 0.95
    assert all(len(ids) == K for ids in found)


def test_a_vector_is_nearest_to_itself_with_similarity_one(database: Database, make: Make) -> None:
    rows = clustered(600)
    fill(database, rows)
    index = make(database)
    for number in (0, 17, 599):
        ids, similarity = search(database, index, rows[number])
        assert ids[0] == number + 1
        assert similarity[0] == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("share", [0.002, 0.05, 0.9])
def test_a_filter_is_kept_and_costs_no_recall(database: Database, make: Make, share: float) -> None:
    rows = clustered(4_000)
    fill(database, rows)
    index = make(database)
    among = np.flatnonzero(np.random.default_rng(3).random(len(rows)) < share) + 1
    queries = clustered(30, seed=2)
    found = [search(database, index, query, allowed=among)[0] for query in queries]
    assert all(set(ids) <= set(among.tolist()) for ids in found)
    assert all(len(ids) == min(K, len(among)) for ids in found)
    assert recall(found, [exact(rows, query, among=among) for query in queries]) >= 0.95


def test_a_filter_that_leaves_nothing_finds_nothing(database: Database, make: Make) -> None:
    rows = clustered(300)
    fill(database, rows)
    index = make(database)
    assert search(database, index, rows[0], allowed=np.empty(0, np.int64))[0] == []
    assert search(database, index, rows[0], allowed=np.array([9_999_999]))[0] == []


def test_more_than_there_is_finds_all_there_is(database: Database, make: Make) -> None:
    rows = clustered(30)
    fill(database, rows)
    index = make(database)
    assert sorted(search(database, index, rows[0], k=500)[0]) == list(range(1, 31))
    among = np.array([3, 5, 7])
    assert sorted(search(database, index, rows[0], k=500, allowed=among)[0]) == [3, 5, 7]


def test_what_is_deleted_is_never_found(database: Database, make: Make) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    index = make(database)
    gone = search(database, index, rows[0], k=50)[0][:25]
    forget(database, gone)
    ids, _ = search(database, index, rows[0], k=50)
    assert not set(ids) & set(gone)
    left = np.setdiff1d(np.arange(1, 1_001), gone)
    assert recall([ids[:K]], [exact(rows, rows[0], among=left)]) >= 0.9
    assert wrong_vectors(database) == []


def test_what_is_added_is_found_at_once(database: Database, make: Make) -> None:
    rows = clustered(1_200)
    fill(database, rows[:1_000])
    index = make(database)
    fill(database, rows[1_000:])
    for number in (1_000, 1_100, 1_199):
        assert search(database, index, rows[number])[0][0] == number + 1


def test_an_id_is_not_used_again(database: Database, make: Make) -> None:
    rows = clustered(200)
    fill(database, rows[:100])
    index = make(database)
    forget(database, list(range(51, 101)))
    database.write(lambda c: c.execute("DELETE FROM documents WHERE id > 1"))
    fill(database, rows[100:])
    ids, _ = search(database, index, rows[150], k=200)
    assert not set(ids) & set(range(51, 101))


def test_an_empty_space_has_nothing_to_find(database: Database) -> None:
    fill(database, np.empty((0, DIM), np.float32))
    code_building.build(database, 1, DIM)  # nothing to train on
    for index in (flat(database), either(database)):
        assert search(database, index, clustered(1)[0])[0] == []
        assert search(database, index, clustered(1)[0], allowed=np.array([1]))[0] == []
    assert vector_search.maintain(database, 1, DIM) == ""


def test_vectors_that_are_all_alike_are_found(database: Database, make: Make) -> None:
    rows = np.repeat(clustered(1), 300, axis=0)
    fill(database, rows)
    index = make(database)
    ids, similarity = search(database, index, rows[0], k=20)
    assert len(ids) == 20
    assert similarity[-1] == pytest.approx(1.0, abs=2e-3)
