from __future__ import annotations

import logging
from pathlib import Path

import apsw
import msgspec
import pytest

from prismd.domain import UPLOADS, Answer, Citation, Comparison, Filters, TextLocator
from prismd.errors import StoreError
from prismd.search.history import History, HistorySettings
from prismd.store import citations, files
from prismd.store.database import Database
from prismd.store.files import entry_of

DAY_S = 86_400.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


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
    told = [record for record in caplog.records if record.name == "prismd.search.history"]
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


def cited_by(database: Database, folder: Path, *citation_ids: str) -> Answer:
    """An answer that cites documents, each at one place, as they are kept."""
    made = tuple(
        Citation(
            n=1,
            citation_id=id_,
            file_id="file-1",
            path=str(folder / f"{id_}.txt"),
            sha256=id_,
            type="text",
            title=id_,
            locator=TextLocator(1, 1, 0, 4),
            quote="said",
            char_start=0,
            char_end=4,
            score=0.9,
            support="none" if id_.startswith("un") else "exact",
            url="",
        )
        for id_ in citation_ids
    )
    for citation in made:
        database.write(lambda c, citation=citation: citations.keep(c, citation, 0, 4))  # type: ignore[misc]
    return Answer("It is here.", made, "supported", "key", (), "extractive", {})


def put(database: Database, folder: Path, *names: str) -> None:
    """Files that hold no document any more, where citations say that they are."""
    root = database.write(lambda c: files.add_root(c, str(folder), "config"))
    for name in names:
        path = folder / f"{name}.txt"
        path.write_text(name)
        entry = entry_of(bytes(path), path.stat())
        database.write(lambda c, entry=entry: files.add(c, root.id, [entry]))  # type: ignore[misc]


def test_the_files_of_the_last_answers_are_told_once_each_and_the_latest_first(
    database: Database, tmp_path: Path
) -> None:
    put(database, tmp_path, "a", "b", "c", "unsaid")
    told: list[str] = []
    history = History(database, HistorySettings(), Clock(), cited=lambda: told.append("now"))
    history.asked("one?", cited_by(database, tmp_path, "a", "b", "unsaid"), Filters())
    history.asked("two?", cited_by(database, tmp_path), Filters())
    history.asked("three?", cited_by(database, tmp_path, "c", "gone", "a"), Filters())
    queries(history, database)
    assert [each.citation.id for each in history.cited_files(10)] == ["c", "a", "b"]
    assert [each.citation.id for each in history.cited_files(2)] == ["c", "a"]
    assert len(told) == 2  # the second cites nothing


def test_what_is_not_kept_or_was_forgotten_is_cited_no_more(
    database: Database, tmp_path: Path
) -> None:
    put(database, tmp_path, "a", "b", "c")
    told: list[str] = []
    history = History(database, HistorySettings(), cited=lambda: told.append("now"))
    for name in ("a", "b"):
        history.asked(f"{name}?", cited_by(database, tmp_path, name), Filters())
    queries(history, database)
    newest, *_ = history.page(limit=1)[0]
    assert history.remove(newest.id)
    assert [each.citation.id for each in history.cited_files(10)] == ["a"]
    history.switch(on=False)
    history.asked("c?", cited_by(database, tmp_path, "c"), Filters())
    queries(history, database)
    assert [each.citation.id for each in history.cited_files(10)] == ["a"]
    history.clear()
    assert history.cited_files(10) == []
    assert len(told) == 4
