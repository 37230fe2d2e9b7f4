"""What only the binary codes have to do."""

from __future__ import annotations

import threading
import tracemalloc
from contextlib import closing
from pathlib import Path

import apsw
import numpy as np
import pytest

from prismd.domain import EmbeddingSpace
from prismd.errors import StoreError
from prismd.store import code_building, code_index, migrate, vector_search, vectors
from prismd.store.binary_codes import encode
from prismd.store.code_index import CodeIndex
from prismd.store.database import FILE_NAME, Database
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


def test_codes_take_over_from_the_flat_index(database: Database) -> None:
    rows = clustered(500)
    fill(database, rows)
    assert database.read(lambda c: vectors.has_flat(c, 1))
    code_building.build(database, 1, DIM)
    assert not database.read(lambda c: vectors.has_flat(c, 1))
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[7])[0][0] == 8
    assert wrong_vectors(database) == []


def test_an_index_without_codes_says_what_to_do(database: Database) -> None:
    fill(database, clustered(10))
    with pytest.raises(StoreError, match="prismd check"):
        search(database, CodeIndex(1, DIM), clustered(1)[0])


def test_the_newest_are_appended_in_batches(database: Database) -> None:
    rows = clustered(9_000)
    fill(database, rows[:4_000])
    code_building.build(database, 1, DIM)
    index = CodeIndex(1, DIM)
    assert vector_search.maintain(database, 1, DIM) == ""
    fill(database, rows[4_000:8_200])
    assert vector_search.maintain(database, 1, DIM) == "make"  # it has more than doubled
    generation = database.read(lambda c: code_index.active(c, 1))
    assert generation is not None
    assert (generation.coded, generation.coded_to) == (8_200, 8_200)
    fill(database, clustered(4_100, seed=5))
    assert vector_search.maintain(database, 1, DIM) == "append"
    generation = database.read(lambda c: code_index.active(c, 1))
    assert generation is not None
    assert generation.coded == 12_300
    assert vector_search.maintain(database, 1, DIM) == ""
    stored = np.concatenate([rows[:8_200], clustered(4_100, seed=5)])
    queries = clustered(40, seed=6)
    found = [search(database, index, query)[0] for query in queries]
    assert recall(found, [exact(stored, query) for query in queries]) >= 0.95


def test_codes_of_many_deleted_ones_are_made_anew(database: Database) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    forget(database, list(range(1, 601)))
    assert vector_search.maintain(database, 1, DIM) == "make"
    generation = database.read(lambda c: code_index.active(c, 1))
    assert generation is not None
    assert generation.coded == 400
    entries = database.read(
        lambda c: c.execute("SELECT sum(length(ids)) / 8, count(*) FROM vector_codes").fetchone()
    )
    assert entries is not None
    assert entries[0] == 400
    assert vector_search.maintain(database, 1, DIM) == ""


def test_codes_of_nothing_any_more_are_given_up(database: Database) -> None:
    rows = clustered(500)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    forget(database, list(range(1, 501)))
    vector_search.maintain(database, 1, DIM)
    assert vector_search.maintain(database, 1, DIM) == ""
    assert database.read(lambda c: c.execute("SELECT count(*) FROM vector_codes").get) == 0
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[0])[0] == []
    fill(database, rows[:5])
    assert len(search(database, index, rows[0])[0]) == 5
    assert wrong_vectors(database) == []


def test_a_making_cut_short_serves_on_and_leaves_nothing_behind(database: Database) -> None:
    rows = clustered(800)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    before = database.read(lambda c: code_index.active(c, 1))
    assert before is not None
    # What a kill in the middle of a build leaves.
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_generations (space_id, state, mean, made_of, coded, coded_to)"
            " VALUES (1, 'building', x'', 1, 0, 0)"
        )
    )
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_codes (generation_id, ids, codes) VALUES (?, x'', x'')",
            (before.id + 1,),
        )
    )
    index = SpaceSearch(1, SPACE)
    assert search(database, index, rows[3])[0][0] == 4
    code_building.build(database, 1, DIM)
    rows_left = database.read(
        lambda c: c.execute("SELECT count(DISTINCT generation_id) FROM vector_codes").get
    )
    assert rows_left == 1
    assert search(database, index, rows[3])[0][0] == 4


def test_searches_go_on_while_the_codes_are_made_anew(database: Database) -> None:
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
        code_building.build(database, 1, DIM)
        fill(database, clustered(50, seed=8))
        code_building.append(database, 1, DIM)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert searched >= 20


def test_a_dropped_space_leaves_its_passages_waiting(database: Database) -> None:
    fill(database, clustered(300))
    code_building.build(database, 1, DIM)
    database.write(lambda c: vectors.drop_space(c, 1))
    for table in ("spaces", "embeddings", "vector_generations", "vector_codes"):
        assert database.read(lambda c, t=table: c.execute(f"SELECT count(*) FROM {t}").get) == 0  # type: ignore[misc]
    assert len(database.read(lambda c: vectors.unembedded(c, 1_000))[0]) == 300
    assert wrong_vectors(database) == []


def test_codes_that_are_made_after_others_were_given_up_take_their_place(
    database: Database,
) -> None:
    index = CodeIndex(1, DIM)
    fill(database, clustered(2_000))
    code_building.build(database, 1, DIM)
    first = database.read(lambda c: code_index.active(c, 1))
    search(database, index, clustered(1)[0])
    forget(database, list(range(1, 2_001)))
    code_building.build(database, 1, DIM)
    fill(database, clustered(2_000, seed=4))
    code_building.build(database, 1, DIM)
    second = database.read(lambda c: code_index.active(c, 1))
    assert first is not None
    assert second is not None
    assert second.id > first.id
    fresh = CodeIndex(1, DIM)
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
def test_many_vectors_without_codes_are_searched_without_holding_them_all(
    database: Database, share: float | None
) -> None:
    rows = clustered(60_000, clusters=300)
    fill(database, rows[:1_000])
    code_building.build(database, 1, DIM)
    add_bare(database, rows[1_000:])
    random = np.random.default_rng(3)
    among = None if share is None else np.flatnonzero(random.random(len(rows)) < share) + 1
    index = CodeIndex(1, DIM)
    queries = clustered(5, seed=6, clusters=300)
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
    code_building.build(database, 1, DIM)
    add_bare(database, rows[1_000:])
    tracemalloc.start()
    code_building.append(database, 1, DIM)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    generation = database.read(lambda c: code_index.active(c, 1))
    assert generation is not None
    assert (generation.coded, generation.coded_to) == (60_000, 60_000)
    assert database.read(lambda c: code_index.missing(c, 1)) == 0
    assert peak_bytes < rows.nbytes / 2


def test_what_was_added_and_deleted_since_the_codes_were_read_shows(database: Database) -> None:
    rows = clustered(5_000)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    index = CodeIndex(1, DIM)
    every = np.arange(1, 5_101)
    for allowed in (None, every):
        assert search(database, index, rows[9], allowed=allowed)[0][0] == 10
    forget(database, [10])
    newer = clustered(100, seed=3)
    fill(database, newer)
    for appended in (False, True):
        for allowed in (None, every):
            assert 10 not in search(database, index, rows[9], allowed=allowed)[0]
            assert search(database, index, newer[7], allowed=allowed)[0][0] == 5_008, appended
        code_building.append(database, 1, DIM)
    fresh = CodeIndex(1, DIM)
    assert search(database, fresh, newer[7])[0] == search(database, index, newer[7])[0]


def test_a_search_in_an_earlier_snapshot_finds_what_that_one_has(database: Database) -> None:
    rows = clustered(2_000)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    index = CodeIndex(1, DIM)
    newer = clustered(50, seed=3)

    def work(connection: apsw.Connection) -> list[int]:
        before: list[int] = index.search(connection, newer[7], 10, None)[0].tolist()
        fill(database, newer)
        assert search(database, index, newer[7])[0][0] == 2_008
        assert index.search(connection, newer[7], 10, None)[0].tolist() == before
        return before

    assert 2_008 not in database.read(work)
    assert search(database, index, newer[7])[0][0] == 2_008


def test_the_vectors_of_another_space_are_none_of_its_own(database: Database) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    index = CodeIndex(1, DIM)
    assert len(search(database, index, rows[0])[0]) == 10
    other = EmbeddingSpace("other", "1", DIM, 512)
    hashes = [n.to_bytes(16, "big") for n in range(1_000)]
    other_id = database.write(lambda c: vectors.put_space(c, other))
    database.write(lambda c: vectors.add(c, other_id, hashes, rows))
    assert max(search(database, index, rows[0], k=2_000)[0]) <= 1_000
    code_building.build(database, other_id, DIM)
    found = search(database, CodeIndex(other_id, DIM), rows[0], k=2_000)[0]
    assert min(found) > 1_000
    assert len(found) == 1_000


def test_callers_at_once_find_the_same(database: Database) -> None:
    rows = clustered(5_000)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    index = CodeIndex(1, DIM)
    together = threading.Barrier(4)
    found: list[list[int]] = []

    def ask() -> None:
        together.wait()
        found.append(search(database, index, rows[4])[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert found.count(found[0]) == 4
    assert found[0][0] == 5


def test_a_vector_that_is_damaged_stops_no_search(database: Database) -> None:
    rows = clustered(1_000)
    fill(database, rows)
    code_building.build(database, 1, DIM)
    fill(database, clustered(10, seed=2))
    database.write(
        lambda c: c.execute("UPDATE embeddings SET vector = x'00' WHERE id IN (7, 1007)")
    )
    found = search(database, CodeIndex(1, DIM), rows[0], k=2_000)[0]
    assert len(found) == 1_008
    assert not {7, 1_007} & set(found)


def test_codes_of_an_earlier_version_go_on_serving(tmp_path: Path) -> None:
    rows = clustered(1_000)
    path = tmp_path / FILE_NAME
    connection = apsw.Connection(str(path))
    connection.create_scalar_function("index_text", lambda *texts: texts[0])
    older = [(version, sql) for version, sql in migrate.scripts() if version < 11]
    migrate.migrate(connection, path, older)
    mean = rows.mean(axis=0)
    with connection:
        connection.execute("INSERT INTO spaces (id, key, dim) VALUES (1, ?, ?)", (SPACE.key, DIM))
        connection.executemany(
            "INSERT INTO embeddings (id, space_id, hash, vector) VALUES (?, 1, ?, ?)",
            [
                (n + 1, bytes([n % 256, n // 256]), row.astype("<f2").tobytes())
                for n, row in enumerate(rows)
            ],
        )
        connection.execute(
            "INSERT INTO vector_generations (space_id, state, trained_on, listed, listed_to, mean,"
            " centroids) VALUES (1, 'active', 900, 900, 900, ?, ?)",
            (mean.tobytes(), rows[:2].tobytes()),
        )
        for number in range(2):  # list by list, not by their ids
            ids = np.arange(1 + number, 901, 2)
            connection.execute(
                "INSERT INTO vector_lists (generation_id, list, ids, codes) VALUES (1, ?, ?, ?)",
                (number, ids.tobytes(), encode(rows[ids - 1], mean).tobytes()),
            )
    connection.close()
    with closing(Database(tmp_path)) as database:
        assert database.read(lambda c: code_index.missing(c, 1)) == 0
        index = CodeIndex(1, DIM)
        for number in (0, 1, 500, 899, 950):
            assert search(database, index, rows[number])[0][0] == number + 1
        queries = clustered(40, seed=6)
        found = [search(database, index, query)[0] for query in queries]
        assert recall(found, [exact(rows, query) for query in queries]) >= 0.95


def test_codes_of_one_space_are_made_while_those_of_another_are(database: Database) -> None:
    fill(database, clustered(500))
    other = EmbeddingSpace("other", "1", DIM, 512)
    other_id = database.write(lambda c: vectors.put_space(c, other))
    database.write(
        lambda c: c.execute(
            "INSERT INTO vector_generations (space_id, state, mean, made_of, coded, coded_to)"
            " VALUES (?, 'building', x'', 1, 0, 0)",
            (other_id,),
        )
    )
    code_building.build(database, 1, DIM)
    states = "SELECT space_id, state FROM vector_generations ORDER BY space_id"
    found = database.read(lambda c: c.execute(states).fetchall())
    assert found == [(1, "active"), (other_id, "building")]
