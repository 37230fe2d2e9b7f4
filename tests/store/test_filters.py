from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import apsw
import pytest

from prismd.domain import Filters
from prismd.errors import RequestError
from prismd.models.fake import FakeEmbedder
from prismd.store import files, lexical, retrieval
from prismd.store.database import Database
from tests.building import put


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone that is one hour ahead of UTC in winter."""
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture
def filled(database: Database) -> Database:
    put(
        database,
        "/home/me/Tax/2023/letter.txt",
        "walrus one",
        language="en",
        mtime_s=seconds("2023-06-01T12:00"),
    )
    put(
        database,
        "/home/me/tax returns/[draft] brief.pdf",
        "walrus two",
        type_="document",
        language="de",
        mtime_s=seconds("2024-01-01T00:00"),
    )
    put(
        database,
        "/home/me/photos/sea.png",
        "walrus three",
        type_="image",
        language="",
        mtime_s=seconds("2024-06-01T12:00"),
    )
    return database


def found(database: Database, filters: Filters) -> list[str]:
    """The last words of the passages that are left."""

    def work(connection):  # type: ignore[no-untyped-def]
        scope = retrieval.scope(connection, filters)
        ranked = retrieval.by_words(connection, lexical.parse("walrus"), 10, scope)
        hits = retrieval.hits(connection, [id_ for id_, _ in ranked], scope)
        assert len(hits) == len(ranked)
        return sorted(hit.passage.text.split()[-1] for hit in hits.values())

    return database.read(work)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["one", "three", "two"]),
        (Filters(type=("image",)), ["three"]),
        (Filters(type=("image", "document")), ["three", "two"]),
        (Filters(type=("audio",)), []),
        (Filters(language=("DE",)), ["two"]),
        (Filters(folder=("tax",)), ["one"]),
        (Filters(folder=("tax", "photos")), ["one", "three"]),
        (Filters(folder=("/home/me/tax/",)), ["one"]),
        (Filters(folder=("me/photos",)), ["three"]),
        (Filters(folder=("/",)), ["one", "three", "two"]),
        (Filters(folder=("letter.txt",)), []),
        (Filters(folder=("ta",)), []),
        (Filters(folder=("%",)), []),
        (Filters(path=("*.txt",)), ["one"]),
        (Filters(path=("/home/me/photos/*",)), ["three"]),
        (Filters(path=("photos/*",)), ["three"]),
        (Filters(path=("letter.txt",)), ["one"]),
        (Filters(path=("*.p?g", "*.pdf")), ["three", "two"]),
        (Filters(path=("[",)), []),
        (Filters(path=("*" * 40,)), ["one", "three", "two"]),
        (Filters(after="2024-01-01"), ["three", "two"]),
        (Filters(before="2024-01-01"), ["one"]),
        (Filters(after="2024-01-01T00:00:00.000001Z"), ["three"]),
        (Filters(after="2023-01-01", before="2024-01-01"), ["one"]),
        (Filters(after="2024-01-01T01:00:00+01:00"), ["three", "two"]),
        (Filters(after="2024-01-01T00:00:00-01:00"), ["three"]),
        (Filters(after="0001-01-01"), ["one", "three", "two"]),
        (Filters(before="9999-12-31"), ["one", "three", "two"]),
        (Filters(after="9999-12-31T23:59:59-12:00"), []),
        (Filters(type=("image",), folder=("tax",)), []),
        (Filters(type=("image",), after="2024-02-01", path=("*sea*",)), ["three"]),
        (Filters(folder=(*(f"none{n}" for n in range(5_000)), "photos")), ["three"]),
        (Filters(path=("\udcff*",)), []),
        (Filters(folder=("\0",)), []),
    ],
)
def test_filters_leave_what_they_say(
    filled: Database, filters: Filters, expected: list[str]
) -> None:
    assert found(filled, filters) == expected


def test_a_folder_is_found_whatever_its_case_in_any_alphabet(database: Database) -> None:
    put(database, "/home/me/ÄRZTE/rechnung.txt", "walrus four")
    assert found(database, Filters(folder=("ärzte",))) == ["four"]


@pytest.mark.usefixtures("berlin")
def test_a_day_begins_at_midnight_where_the_user_is(filled: Database) -> None:
    # In Berlin it was one o'clock on New Year's Day.
    assert found(filled, Filters(before="2024-01-01")) == ["one"]
    assert found(filled, Filters(after="2024-01-01")) == ["three", "two"]
    assert found(filled, Filters(after="2024-01-01T00:59:59", before="2024-01-02")) == ["two"]
    assert found(filled, Filters(after="2024-01-01T01:00:01", before="2024-01-02")) == []


@pytest.mark.parametrize(
    "date",
    ["yesterday", "2024", "2024-13-01", "2024-02-30", "01/02/2024", "\0", "2024-01-01T25:00"],
)
def test_what_is_no_date_is_refused_by_name(filled: Database, date: str) -> None:
    for filters, field in ((Filters(after=date), "after"), (Filters(before=date), "before")):
        with pytest.raises(RequestError, match="write it as") as refused:
            found(filled, filters)
        assert refused.value.param == field
        assert refused.value.status == 400


def test_a_pattern_beyond_all_measure_is_refused(filled: Database) -> None:
    with pytest.raises(RequestError) as refused:
        found(filled, Filters(path=("x" * 100_000,)))
    assert refused.value.param == "path"


def test_the_file_that_is_named_is_one_that_the_filters_leave(filled: Database) -> None:
    put(filled, "/elsewhere/copy.txt", "walrus one", mtime_s=seconds("2025-01-01T00:00"))

    def named(filters: Filters) -> str:
        def work(connection):  # type: ignore[no-untyped-def]
            scope = retrieval.scope(connection, filters)
            ranked = retrieval.by_words(connection, lexical.parse("one"), 10, scope)
            (hit,) = retrieval.hits(connection, [id_ for id_, _ in ranked], scope).values()
            return str(hit.path)

        return str(filled.read(work))

    assert named(Filters()) == "/elsewhere/copy.txt"
    assert named(Filters(folder=("tax",))) == "/home/me/Tax/2023/letter.txt"
    assert named(Filters(before="2024-01-01")) == "/home/me/Tax/2023/letter.txt"


def test_a_filter_knows_a_file_that_was_removed_no_more(filled: Database) -> None:
    filled.write(lambda c: files.remove(c, [1]))
    assert found(filled, Filters(folder=("tax",))) == []


@pytest.mark.parametrize(
    "filters",
    [
        Filters(folder=("uploads",)),
        Filters(folder=("Uploads/1",)),
        Filters(path=("uploads/*",)),
        Filters(path=("*.md",)),
        Filters(path=("Notes.md",)),
    ],
)
def test_uploads_are_found_by_their_folder_and_name(database: Database, filters: Filters) -> None:
    put(database, "/d/a.txt", "walrus")
    put(database, "uploads/1/Notes.md", "walrus")
    assert len(database.read(lambda c: retrieval.scope(c, filters)).documents or ()) == 1


def test_no_folder_of_the_disk_is_that_of_the_uploads(database: Database) -> None:
    put(database, "uploads/1/Notes.md", "walrus")
    filters = Filters(path=("/uploads/*",))
    assert not database.read(lambda c: retrieval.scope(c, filters)).documents


def test_the_vectors_that_a_filter_leaves_are_told_once_each_and_ascending(
    database: Database,
) -> None:
    for name, text in (("b", "A seal."), ("a", "A walrus."), ("c", "A walrus."), ("d", "A fox.")):
        put(database, f"/in/{name}.txt", text, title=name, embedder=FakeEmbedder())
    put(database, "/out/e.txt", "A whale.", embedder=FakeEmbedder())

    def left(filters: Filters) -> list[int] | None:
        def work(connection: apsw.Connection) -> list[int] | None:
            scope = retrieval.scope(connection, filters)
            found = retrieval.embeddings_in(connection, scope)
            return None if found is None else found.tolist()

        return database.read(work)

    inside = left(Filters(folder=("in",)))
    assert inside
    assert inside == sorted(set(inside))
    assert left(Filters(folder=("out",))) == [max(inside) + 1]
    assert left(Filters(folder=("nowhere",))) == []
    assert left(Filters()) is None


def test_the_vectors_that_a_filter_leaves_come_out_of_an_index_alone(database: Database) -> None:
    plan = database.read(
        lambda c: c.execute(
            "EXPLAIN QUERY PLAN SELECT json_group_array(embedding_id) FROM passages"
            " WHERE embedding_id IS NOT NULL"
            " AND document_id IN (SELECT value FROM json_each('[1, 2]'))"
        ).fetchall()
    )
    assert any("COVERING INDEX passages_by_document" in str(row[3]) for row in plan)


@pytest.mark.parametrize("folder", ["TAX", "tax/2023", "tax returns", "Größe", "GRÖSSE", "grÖße"])
def test_a_folder_is_found_beside_others_whatever_its_case(filled: Database, folder: str) -> None:
    put(filled, "/home/me/gröSSe/Straße/a.txt", "walrus four")
    put(filled, "/home/me/GRÖßE/b.txt", "walrus five")
    alone = found(filled, Filters(folder=(folder,)))
    assert alone
    assert set(alone) == set(found(filled, Filters(folder=(folder, "nowhere"))))
