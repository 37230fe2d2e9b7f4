from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from prismd.domain import UPLOADS, Answer, Comparison, Filters
from prismd.errors import StoreError
from prismd.history import History, HistorySettings
from prismd.store import files
from prismd.store.database import Database

DAY_S = 86_400.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    made = Database(data_dir)
    yield made
    made.close()


def queries(history: History, database: Database) -> list[str]:
    database.write(lambda c: None)  # what was noted before has been written then
    return [entry.query for entry in history.page(limit=100)[0]]


def test_searches_and_questions_are_kept(database: Database) -> None:
    history = History(database, HistorySettings(), Clock())
    history.searched("  the key ", Filters(), hits=4, example="image")
    answer = Answer("It is here.", (), "partial", "key", (), "extractive", {})
    history.asked("Where is the key?", answer, Filters())
    assert queries(history, database) == ["Where is the key?", "the key"]
    (asked, searched), total = history.page(limit=5)
    assert (asked.kind, asked.engine, asked.grounding) == ("ask", "extractive", "partial")
    assert (searched.kind, searched.hits, searched.example) == ("search", 4, "image")
    assert (searched.asked_at, total) == (1_700_000_000.0, 2)


def test_filters_are_kept_as_a_person_knows_them(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/home/me/tax", "config"))
    history = History(database, HistorySettings())
    filters = Filters(
        type=("image",),
        after="2024-01-01",
        roots=(root.id, UPLOADS, 77),
        where=Comparison("title", "eq", ("x",)),
    )
    history.searched("x", filters, hits=0)
    history.searched("y", Filters(), hits=0)
    assert queries(history, database) == ["y", "x"]
    plain, narrowed = (msgspec.json.decode(entry.filters) for entry in history.page(limit=2)[0])
    assert plain == {}
    assert narrowed == {
        "type": ["image"],
        "after": "2024-01-01",
        "roots": ["/home/me/tax", "uploads"],
        "where": {"kind": "comparison", "key": "title", "operator": "eq", "values": ["x"]},
    }


def test_it_can_be_switched_off_and_on_while_prismd_runs(database: Database) -> None:
    history = History(database, HistorySettings(kept=False))
    history.searched("one", Filters(), hits=0)
    history.settings = HistorySettings()
    history.searched("two", Filters(), hits=0)
    history.settings = HistorySettings(kept=False)
    history.searched("three", Filters(), hits=0)
    assert queries(history, database) == ["two"]


def test_a_person_switches_it_off_for_good_and_on_again(data_dir: Path) -> None:
    database = Database(data_dir)
    history = History(database, HistorySettings())
    history.switch(on=False)
    history.searched("one", Filters(), hits=0)
    assert not history.kept
    database.close()
    database = Database(data_dir)
    history = History(database, HistorySettings())
    history.searched("two", Filters(), hits=0)
    assert (history.kept, queries(history, database)) == (False, [])
    history.switch(on=True)
    history.searched("three", Filters(), hits=0)
    assert (history.kept, queries(history, database)) == (True, ["three"])
    database.close()


def test_a_person_cannot_keep_what_the_settings_forbid(database: Database) -> None:
    history = History(database, HistorySettings(kept=False))
    history.switch(on=True)
    history.searched("one", Filters(), hits=0)
    assert (history.kept, queries(history, database)) == (False, [])


def test_it_is_off_at_once_though_that_cannot_be_written_down(database: Database) -> None:
    history = History(database, HistorySettings())
    database.run_outside_transaction(lambda c: c.pragma("query_only", True))
    with pytest.raises(StoreError):
        history.switch(on=False)
    database.run_outside_transaction(lambda c: c.pragma("query_only", False))
    history.searched("one", Filters(), hits=0)
    assert (history.kept, queries(history, database)) == (False, [])


def test_no_more_is_kept_than_the_settings_say(database: Database) -> None:
    clock = Clock()
    history = History(database, HistorySettings(entries=3, days=10), clock)
    for number in range(5):
        history.searched(str(number), Filters(), hits=0)
    assert queries(history, database) == ["4", "3", "2"]
    clock.now += 10.5 * DAY_S
    history.searched("later", Filters(), hits=0)
    assert queries(history, database) == ["later"]
    history.settings = HistorySettings(entries=3, days=0)
    clock.now += 10_000 * DAY_S
    history.searched("much later", Filters(), hits=0)
    assert queries(history, database) == ["much later", "later"]


def test_entries_are_forgotten_one_by_one_or_all(database: Database) -> None:
    history = History(database, HistorySettings())
    for query in ("one", "two", "three"):
        history.searched(query, Filters(), hits=0)
    assert queries(history, database) == ["three", "two", "one"]
    assert history.remove(2)
    assert not history.remove(2)
    assert queries(history, database) == ["three", "one"]
    assert history.clear() == 2
    assert queries(history, database) == []
    for file in database.path.parent.iterdir():
        assert b"three" not in file.read_bytes(), file


@pytest.mark.parametrize("query", ["\ud800", "\0", "x" * 100_000, "𝕏" * 5_000])
def test_any_query_is_kept_or_left_out_without_a_word(database: Database, query: str) -> None:
    history = History(database, HistorySettings())
    history.searched(query, Filters(folder=(query,)), hits=0)
    assert all(len(kept) <= 4_000 for kept in queries(history, database))


def test_a_full_disk_fails_nothing_and_is_told_once_without_what_was_asked(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    history = History(database, HistorySettings())

    def fill(connection: apsw.Connection) -> None:
        connection.pragma("max_page_count", connection.pragma("page_count"))

    database.run_outside_transaction(fill)
    with caplog.at_level(logging.DEBUG):
        for number in range(5):
            history.searched(f"zanzibar {number} " * 300, Filters(), hits=0)
        database.run_outside_transaction(lambda c: c.pragma("max_page_count", 2**30))
        history.searched("there is room again", Filters(), hits=0)
        assert queries(history, database)[0] == "there is room again"
    told = [record for record in caplog.records if record.name == "prismd.history"]
    assert [record.levelname for record in told] == ["WARNING"]
    assert "zanzibar" not in caplog.text


def test_nothing_is_kept_of_an_index_that_is_only_read(data_dir: Path) -> None:
    Database(data_dir).close()
    reader = Database(data_dir, writable=False)
    history = History(reader, HistorySettings())
    history.searched("one", Filters(), hits=0)
    assert history.page(limit=5) == ([], 0)
    reader.close()


def test_a_search_that_ends_after_the_index_was_closed_fails_nothing(data_dir: Path) -> None:
    database = Database(data_dir)
    history = History(database, HistorySettings())
    database.close()
    history.searched("too late", Filters(), hits=0)
