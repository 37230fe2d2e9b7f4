"""What only the lists have to do."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

from prismd.errors import StoreError
from prismd.store import inverted_lists, list_building, vector_search, vectors
from prismd.store.database import Database
from prismd.store.inverted_lists import ListIndex
from prismd.store.vector_search import SpaceSearch
from prismd.store.vectors import Vectors
from tests.store.vector_rows import (
    DIM,
    SPACE,
    clustered,
    exact,
    fill,
    forget,
    recall,
    search,
    wrong_vectors,
)


def test_lists_take_over_from_the_flat_index(database: Database) -> None:
    rows = clustered(500)
    fill(database, rows)
    assert database.read(lambda c: vectors.has_flat(c, 1))
    list_building.build(database, 1, DIM)
    assert not database.read(lambda c: vectors.has_flat(c, 1))
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[7])[0][0] == 8
    assert wrong_vectors(database) == []


def test_a_list_index_without_lists_says_what_to_do(database: Database) -> None:
    fill(database, clustered(10))
    with pytest.raises(StoreError, match="prismd check"):
        search(database, ListIndex(1, DIM), clustered(1)[0])


def test_the_newest_are_appended_in_batches(database: Database) -> None:
    rows = clustered(9_000)
    fill(database, rows[:4_000])
    list_building.build(database, 1, DIM)
    index = ListIndex(1, DIM)
    assert vector_search.maintain(database, 1, DIM) == ""
    fill(database, rows[4_000:8_200])
    assert vector_search.maintain(database, 1, DIM) == "train"  # it has more than doubled
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert (generation.listed, generation.listed_to) == (8_200, 8_200)
    fill(database, clustered(4_100, seed=5))
    assert vector_search.maintain(database, 1, DIM) == "append"
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert generation.listed == 12_300
    assert vector_search.maintain(database, 1, DIM) == ""
    stored = np.concatenate([rows[:8_200], clustered(4_100, seed=5)])
    queries = clustered(40, seed=6)
    found = [search(database, index, query)[0] for query in queries]
    assert recall(found, [exact(stored, query) for query in queries]) >= 0.95


def test_lists_that_hold_mostly_deleted_ones_are_trained_anew(database: Database) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    list_building.build(database, 1, DIM)
    forget(database, list(range(1, 601)))
    assert vector_search.maintain(database, 1, DIM) == "train"
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert generation.listed == 400
    entries = database.read(
        lambda c: c.execute("SELECT sum(length(ids)) / 8, count(*) FROM vector_lists").fetchone()
    )
    assert entries is not None
    assert entries[0] == 400
    assert vector_search.maintain(database, 1, DIM) == ""


def test_lists_that_hold_nothing_any_more_are_given_up(database: Database) -> None:
    rows = clustered(500)
    fill(database, rows)
    list_building.build(database, 1, DIM)
    forget(database, list(range(1, 501)))
    vector_search.maintain(database, 1, DIM)
    assert vector_search.maintain(database, 1, DIM) == ""
    assert database.read(lambda c: c.execute("SELECT count(*) FROM vector_lists").get) == 0
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[0])[0] == []
    fill(database, rows[:5])
    assert len(search(database, index, rows[0])[0]) == 5
    assert wrong_vectors(database) == []


def test_a_training_cut_short_serves_on_and_leaves_nothing_behind(database: Database) -> None:
    rows = clustered(800)
    fill(database, rows)
    list_building.build(database, 1, DIM)
    before = database.read(lambda c: inverted_lists.active(c, 1))
    assert before is not None
    # What a kill in the middle of a build leaves.
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_generations (space_id, state, centroids, mean, trained_on, listed,"
            " listed_to) VALUES (1, 'building', x'', x'', 1, 0, 0)"
        )
    )
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_lists (generation_id, list, ids, codes) VALUES (?, 0, x'', x'')",
            (before.id + 1,),
        )
    )
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[3])[0][0] == 4
    list_building.build(database, 1, DIM)
    rows_left = database.read(
        lambda c: c.execute("SELECT count(DISTINCT generation_id) FROM vector_lists").get
    )
    assert rows_left == 1
    assert search(database, index, rows[3])[0][0] == 4


def test_searches_go_on_while_the_lists_are_built_anew(database: Database) -> None:
    rows = clustered(3_000)
    fill(database, rows)
    index = SpaceSearch(1, SPACE)
    failures: list[BaseException] = []
    searched = 0
    done = threading.Event()

    def ask() -> None:
        nonlocal searched
        number = 0
        try:
            while not done.is_set() or searched < 20:
                number = (number + 37) % len(rows)
                assert search(database, index, rows[number])[0][0] == number + 1
                searched += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        list_building.build(database, 1, DIM)
        fill(database, clustered(50, seed=8))
        list_building.append(database, 1, DIM)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert searched >= 20


def test_a_dropped_space_leaves_its_passages_waiting(database: Database) -> None:
    fill(database, clustered(300))
    list_building.build(database, 1, DIM)
    database.write(lambda c: vectors.drop_space(c, 1))
    for table in ("spaces", "embeddings", "vector_generations", "vector_lists"):
        assert database.read(lambda c, t=table: c.execute(f"SELECT count(*) FROM {t}").get) == 0  # type: ignore[misc]
    assert len(database.read(lambda c: vectors.unembedded(c, 1_000))[0]) == 300
    assert wrong_vectors(database) == []


def test_lists_that_are_trained_after_others_were_given_up_serve_by_their_own_centroids(
    database: Database,
) -> None:
    index = ListIndex(1, DIM, probes=2)
    fill(database, clustered(2_000))
    list_building.build(database, 1, DIM)
    first = database.read(lambda c: inverted_lists.active(c, 1))
    search(database, index, clustered(1)[0])
    forget(database, list(range(1, 2_001)))
    list_building.build(database, 1, DIM)
    fill(database, clustered(2_000, seed=4))
    list_building.build(database, 1, DIM)
    second = database.read(lambda c: inverted_lists.active(c, 1))
    assert first is not None
    assert second is not None
    assert second.id > first.id
    fresh = ListIndex(1, DIM, probes=2)
    for query in clustered(20, seed=6):
        assert search(database, index, query)[0] == search(database, fresh, query)[0]


def add_bare(database: Database, rows: Vectors) -> None:
    """Add vectors that no passage has, by the thousand."""
    start = database.read(lambda c: c.execute("SELECT count(*) FROM embeddings").get)
    packed = [
        ((start + n).to_bytes(15, "big"), row.astype("<f2").tobytes()) for n, row in enumerate(rows)
    ]
    database.write(
        lambda c: c.executemany(
            "INSERT INTO embeddings (space_id, hash, vector) VALUES (1, ?, ?)", packed
        )
    )


@pytest.mark.parametrize("share", [None, 0.5])
def test_many_vectors_behind_the_lists_are_searched_without_holding_them_all(
    database: Database, share: float | None
) -> None:
    rows = clustered(30_000)
    fill(database, rows[:1_000])
    list_building.build(database, 1, DIM)
    add_bare(database, rows[1_000:])
    random = np.random.default_rng(3)
    among = None if share is None else np.flatnonzero(random.random(len(rows)) < share) + 1
    index = ListIndex(1, DIM)
    queries = clustered(5, seed=6)
    tracemalloc.start()
    found = [search(database, index, query, allowed=among)[0] for query in queries]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    truth = [exact(rows, query, among=among) for query in queries]
    assert recall(found, truth) >= 0.95
    assert peak_bytes < rows.nbytes / 2


def test_many_vectors_are_appended_without_holding_them_all(database: Database) -> None:
    rows = clustered(60_000)
    fill(database, rows[:1_000])
    list_building.build(database, 1, DIM)
    add_bare(database, rows[1_000:])
    tracemalloc.start()
    list_building.append(database, 1, DIM)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    generation = database.read(lambda c: inverted_lists.active(c, 1))
    assert generation is not None
    assert (generation.listed, generation.listed_to) == (60_000, 60_000)
    assert database.read(lambda c: inverted_lists.missing(c, 1)) == 0
    assert peak_bytes < rows.nbytes / 2
