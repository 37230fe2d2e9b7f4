from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.store import history
from prismd.store.database import Database
from prismd.store.history import Entry


def add(database: Database, *queries: str, **fields: object) -> None:
    for query in queries:
        entry = Entry(kind="search", query=query, **fields)  # type: ignore[arg-type]
        database.write(lambda c, entry=entry: history.add(c, entry))  # type: ignore[misc]


def kept(database: Database) -> list[str]:
    entries, total = database.read(lambda c: history.page(c, limit=100, kind=None))
    assert total == len(entries)
    return [entry.query for entry in entries]


def test_an_entry_comes_back_as_it_was(database: Database) -> None:
    entry = Entry(
        asked_at=12.5,
        kind="ask",
        query='Where\'s the "key"?',
        example="image",
        filters='{"type":["image"]}',
        hits=3,
        engine="extractive",
        grounding="partial",
        cited='["c1"]',
    )
    database.write(lambda c: history.add(c, entry))
    [[found], total] = database.read(lambda c: history.page(c, limit=5, kind=None))
    assert (found.id, total) == (1, 1)
    assert all(getattr(found, name) == getattr(entry, name) for name in entry.__struct_fields__)


def test_pages_run_from_the_newest(database: Database) -> None:
    add(database, "a", "b", "c", "d")
    add(database, "e")
    database.write(lambda c: c.execute("UPDATE history SET kind = 'ask' WHERE query IN ('b', 'd')"))

    def page(**query: object) -> tuple[list[str], int]:
        entries, total = database.read(lambda c: history.page(c, **{"kind": None, **query}))  # type: ignore[arg-type]
        return [entry.query for entry in entries], total

    assert page(limit=2) == (["e", "d"], 5)
    assert page(limit=2, before_id=4) == (["c", "b"], 5)
    assert page(limit=9, before_id=1) == ([], 5)
    assert page(limit=9, kind="ask") == (["d", "b"], 2)


@given(
    ages=st.lists(st.integers(0, 9), max_size=8), most=st.integers(1, 9), before=st.integers(0, 10)
)
def test_what_is_too_old_or_too_much_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, ages: list[int], most: int, before: int
) -> None:
    database = Database(tmp_path_factory.mktemp("history"))
    for number, age in enumerate(ages):
        add(database, str(number), asked_at=float(age))
    dropped = database.write(lambda c: history.prune(c, most=most, before=before))
    newest = [(str(number), age) for number, age in enumerate(ages)][-most:]
    left = [query for query, age in newest if age >= before]
    assert kept(database) == left[::-1]
    assert dropped == len(ages) - len(left)
    database.close()


def test_one_entry_can_be_dropped_and_its_number_is_not_used_again(database: Database) -> None:
    add(database, "a", "b")
    assert database.write(lambda c: history.remove(c, 2))
    assert not database.write(lambda c: history.remove(c, 2))
    add(database, "c")
    [newest, _], _ = database.read(lambda c: history.page(c, limit=2, kind=None))
    assert (newest.id, newest.query) == (3, "c")


@pytest.mark.parametrize("way", ["cleared", "pruned", "one by one"])
def test_what_is_dropped_cannot_be_read_from_the_file(database: Database, way: str) -> None:
    for number in range(60):  # of such lengths that pages are split and rows overflow
        add(database, f"zanzibar{number} " * (number**2 % 97), f"zanzibar{number} " * 600)
    database.run_outside_transaction(lambda c: c.wal_checkpoint())
    assert b"zanzibar7" in database.path.read_bytes()
    if way == "cleared":
        assert database.write(history.clear) == 120
        assert database.write(history.clear) == 0
    elif way == "pruned":
        assert database.write(lambda c: history.prune(c, most=1, before=1.0)) == 120
    else:
        for number in range(1, 121):
            assert database.write(lambda c, n=number: history.remove(c, n))  # type: ignore[misc]
    database.run_outside_transaction(lambda c: c.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL))
    assert kept(database) == []
    assert b"zanzibar" not in database.path.read_bytes()
