from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import UPLOADS
from prismd.store import collections, files
from prismd.store.collections import FilesOf
from prismd.store.database import Database
from tests.building import entry, put


@pytest.fixture
def filled(database: Database) -> Database:
    """A folder with two files that are read and one that waits, an empty one, and an upload."""
    root = database.write(lambda c: files.add_root(c, "/home/me/tax", "config"))
    database.write(lambda c: files.add_root(c, "/home/me/empty", "config"))
    put(database, "/home/me/tax/one", "One.")
    put(database, "/home/me/tax/two", "Two!!")

    def work(connection: apsw.Connection) -> None:
        connection.execute("UPDATE files SET root_id = ?", (root.id,))
        files.add(connection, root.id, [entry("/home/me/tax/three", "Three")])

    database.write(work)
    put(database, "upload", "An upload.")
    return database


def test_every_folder_is_a_collection_and_the_uploads_are_one(filled: Database) -> None:
    known = filled.read(collections.known)
    assert {item.path for item in known} == {"/home/me/tax", "/home/me/empty", ""}
    assert known[0].root_id == UPLOADS  # which could come before any folder was watched
    assert 0 < known[0].created_at <= known[1].created_at <= known[2].created_at


def test_a_collection_counts_its_own_files(filled: Database) -> None:
    counted = {
        item.path: filled.read(lambda c, item=item: collections.counted(c, item))  # type: ignore[misc]
        for item in filled.read(collections.known)
    }
    tax, uploads, empty = counted["/home/me/tax"], counted[""], counted["/home/me/empty"]
    assert (tax.states, tax.size_bytes) == ({"completed": 2, "pending": 1}, 14)
    assert (uploads.states, uploads.size_bytes) == ({"completed": 1}, 10)
    assert (empty.states, empty.size_bytes, empty.indexed_at) == ({}, 0, None)
    assert tax.indexed_at is not None


def test_a_file_is_of_one_collection(filled: Database) -> None:
    held = {
        (root, file): filled.read(lambda c, r=root, f=file: collections.holds(c, r, f))  # type: ignore[misc]
        for root in (UPLOADS, 1)
        for file in (1, 4, 99)
    }
    assert {pair for pair, holds in held.items() if holds} == {(1, 1), (UPLOADS, 4)}


@given(
    count=st.integers(0, 7),
    limit=st.integers(1, 8),
    after=st.none() | st.integers(0, 9),
    before=st.none() | st.integers(0, 9),
    newest_first=st.booleans(),
)
def test_pages_are_slices_of_the_list(
    count: int, limit: int, after: int | None, before: int | None, newest_first: bool
) -> None:
    connection = apsw.Connection("")
    connection.execute("CREATE TABLE files (id INTEGER PRIMARY KEY, root_id, state)")
    connection.executemany(
        "INSERT INTO files VALUES (?, ?, ?)",
        [(n, 1 if n % 3 else None, "completed") for n in range(1, count + 1)],
    )
    listed = [n for n in range(1, count + 1) if n % 3]
    if newest_first:
        listed.reverse()
        inside = [
            n for n in listed if (after is None or n < after) and (before is None or n > before)
        ]
    else:
        inside = [
            n for n in listed if (after is None or n > after) and (before is None or n < before)
        ]
    backwards = before is not None and after is None
    expected = inside[-limit:] if backwards else inside[:limit]
    query = FilesOf(1, limit=limit, after_id=after, before_id=before, newest_first=newest_first)
    assert collections.file_ids(connection, query) == (expected, len(inside) > limit)


def test_states_narrow_a_list(filled: Database) -> None:
    def ids(**query: object) -> list[int]:
        return filled.read(lambda c: collections.file_ids(c, FilesOf(1, **query)))[0]  # type: ignore[arg-type]

    assert ids() == [3, 2, 1]
    assert ids(states=("completed",)) == [2, 1]
    assert ids(states=("failed", "pending")) == [3]
    assert ids(states=()) == []
