"""Conditions on attributes: what SQL leaves is what a plain reading of the condition leaves."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.domain import UPLOADS, Combination, Comparison, Condition, Filters
from prismd.errors import RequestError
from prismd.models.fake import FakeEmbedder
from prismd.store import attributes, files, lexical, names, retrieval
from prismd.store.database import Database
from tests.building import put

PATHS = (
    "/home/me/tax/letter 1.txt",
    "/home/me/tax/2023/letter 2.txt",
    "/home/me/Photos/ÄRZTE 5%.txt",
    "/home/me/Photos/o'brien;--.txt",
    "/srv/x",
)
DAY_S = 86_400.0


def fill(database: Database) -> list[int]:
    """Files of two folders and uploads that differ in all that can be compared."""
    ids = []
    for number, path in enumerate(PATHS):
        ids.append(
            put(
                database,
                path,
                f"walrus {'x' * number} {number}",
                title=("", "5", "Title")[number % 3],
                language=("en", "", "de")[number % 3],
                type_=("text", "image")[number % 2],
                mtime_s=(number - 1) * DAY_S + number / 8,
                embedder=FakeEmbedder(),
            )
        )
    tax = database.write(lambda c: files.add_root(c, "/home/me/tax", "config")).id
    photos = database.write(lambda c: files.add_root(c, "/home/me/Photos", "config")).id

    def place(connection: apsw.Connection) -> None:
        for id_, root_id in zip(ids, (tax, tax, photos, photos, None), strict=True):
            connection.execute("UPDATE files SET root_id = ? WHERE id = ?", (root_id, id_))

    database.write(place)
    return ids


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("attributes"))
    fill(database)
    yield database
    database.close()


def left(database: Database, filters: Filters) -> set[int]:
    """The files that filters leave."""

    def work(connection: apsw.Connection) -> set[int]:
        scope = retrieval.scope(connection, filters)
        rows = connection.execute(
            "SELECT f.id FROM files f JOIN documents d ON d.id = f.document_id"
            f" WHERE {scope.where}",
            scope.values,
        )
        return {int(id_) for (id_,) in rows}

    return database.read(work)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": operator.eq,
}


def holds(condition: Condition, values: attributes.Values) -> bool:
    """The condition read plainly."""
    if isinstance(condition, Combination):
        every = all if condition.operator == "and" else any
        return every(holds(part, values) for part in condition.parts)
    if condition.operator in ("ne", "nin"):
        turned = "eq" if condition.operator == "ne" else "in"
        return not holds(Comparison(condition.key, turned, condition.values), values)  # type: ignore[arg-type]
    known = values.get(condition.key)
    return known is not None and any(
        isinstance(value, bool) is False
        and isinstance(value, str) == isinstance(known, str)
        and _COMPARE[condition.operator](known, value)
        for value in condition.values
    )


def conditions(found: list[attributes.Values]) -> st.SearchStrategy[Condition]:
    """Conditions that hold for some files: their own values are among what they compare with."""
    known = sorted({value for values in found for value in values.values()}, key=str)
    numbers = [value for value in known if not isinstance(value, str)]
    texts = [value for value in known if isinstance(value, str)]
    any_text = (
        st.sampled_from(texts)
        | st.text(max_size=5)
        | st.sampled_from(["", "%", "5", "9", "' OR 1"])
    )
    any_number = (
        st.sampled_from(numbers)
        | st.floats(allow_nan=False)
        | st.integers(-(2**70), 2**70).map(float)
        | st.sampled_from([0.0, 1.0, float("inf")])
    )
    value = any_text | any_number | st.booleans()
    # What is a time takes texts as dates, which a property of its own holds.
    key = st.sampled_from([name for name in attributes.NAMES if not name.endswith("_at")])
    key |= st.sampled_from(["colour", "", "f.path", "1=1; --"])
    timed = st.builds(
        Comparison,
        st.just("modified_at"),
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        any_number.map(lambda number: (number,)),
    )
    single = st.builds(
        Comparison,
        key,
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        value.map(lambda value: (value,)),
    )
    several = st.builds(
        Comparison, key, st.sampled_from(["in", "nin"]), st.lists(value, max_size=4).map(tuple)
    )
    return st.recursive(
        single | several | timed,
        lambda parts: st.builds(
            Combination,
            st.sampled_from(["and", "or"]),
            st.lists(parts, min_size=1, max_size=3).map(tuple),
        ),
        max_leaves=6,
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_is_left_is_what_a_plain_reading_leaves(filled: Database, data: st.DataObject) -> None:
    known = filled.read(lambda c: attributes.of_files(c, range(1, len(PATHS) + 1)))
    condition = data.draw(conditions(list(known.values())))
    expected = {id_ for id_, values in known.items() if holds(condition, values)}
    assert left(filled, Filters(where=condition)) == expected


def test_the_folder_of_an_upload_is_that_of_all_uploads(database: Database) -> None:
    known = [put(database, f"uploads/{number}/a.txt", f"words {number}") for number in (1, 2)]
    found = database.read(lambda c: attributes.of_files(c, known))
    assert [values["folder"] for values in found.values()] == ["uploads", "uploads"]
    assert left(database, Filters(where=Comparison("folder", "eq", ("uploads",)))) == set(known)


def test_the_files_differ_in_all_that_can_be_compared(filled: Database) -> None:
    known = filled.read(lambda c: attributes.of_files(c, [1, 2, 3, 4, 5, 99]))
    assert list(known) == [1, 2, 3, 4, 5]
    assert {name for values in known.values() for name in values} == set(attributes.NAMES)
    assert known[4] | {"indexed_at": 0.0, "sha256": ""} == {
        "file_id": "file-4",
        "filename": "o'brien;--.txt",
        "path": "/home/me/Photos/o'brien;--.txt",
        "folder": "/home/me/Photos",
        "type": "image",
        "media_type": "text/plain",
        "language": "en",
        "sha256": "",
        "size_bytes": 12.0,
        "modified_at": 2 * DAY_S + 3 / 8,
        "indexed_at": 0.0,
    }
    assert "language" not in known[2]  # what a file does not have is not there


@pytest.mark.parametrize(
    ("key", "kind", "value", "expected"),
    [
        ("modified_at", "gte", "1970-01-01T00:00:00Z", {2, 3, 4, 5}),
        ("modified_at", "lt", "1970-01-01T00:00:00+00:00", {1}),
        ("modified_at", "eq", "1970-01-01T00:00:00.125Z", {2}),
        ("modified_at", "gt", "9999-12-31", set()),
        ("folder", "eq", "/home/me/tax", {1}),
        ("path", "gte", "/home/me/tax/", {1, 2, 5}),
        ("filename", "eq", "ÄRZTE 5%.txt", {3}),
        ("filename", "eq", "ärzte 5%.txt", set()),
        ("title", "eq", "5", {2, 5}),
        ("title", "eq", 5.0, set()),
        ("size_bytes", "eq", "9", set()),
        ("size_bytes", "gt", "9", set()),
        ("size_bytes", "eq", 9.0, {1}),
        ("language", "nin", "en", {2, 3, 5}),
        ("size_bytes", "eq", True, set()),
        ("size_bytes", "ne", True, {1, 2, 3, 4, 5}),
        ("language", "ne", "en", {2, 3, 5}),
        ("colour", "eq", "red", set()),
        ("colour", "ne", "red", {1, 2, 3, 4, 5}),
    ],
)
def test_values_meet_only_their_own_kind(
    filled: Database, key: str, kind: Any, value: Any, expected: set[int]
) -> None:
    assert left(filled, Filters(where=Comparison(key, kind, (value,)))) == expected


def test_what_is_no_date_is_refused_by_name(filled: Database) -> None:
    where = Comparison("modified_at", "gt", ("lunch",))
    with pytest.raises(RequestError, match="write it as") as refused:
        left(filled, Filters(where=where))
    assert refused.value.param == "filters.modified_at"


def test_a_lone_surrogate_finds_nothing_and_breaks_nothing(filled: Database) -> None:
    assert left(filled, Filters(where=Comparison("path", "eq", ("\ud800",)))) == set()


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ((), {1, 2, 3, 4, 5}),
        ((1,), {1, 2}),
        ((2,), {3, 4}),
        ((UPLOADS,), {5}),
        ((UPLOADS, 1), {1, 2, 5}),
        ((1, 2), {1, 2, 3, 4}),
        ((1, 2, UPLOADS), {1, 2, 3, 4, 5}),
        ((77,), set()),
    ],
)
def test_folders_and_uploads_narrow_every_way_of_searching(
    filled: Database, roots: tuple[int, ...], expected: set[int]
) -> None:
    query = lexical.parse("walrus")

    def work(connection: apsw.Connection) -> dict[str, set[int]]:
        scope = retrieval.scope(connection, Filters(roots=roots))
        vectors = retrieval.embeddings_in(connection, scope)
        every = connection.execute(
            "SELECT DISTINCT embedding_id FROM passages ORDER BY 1"
        ).fetchall()
        ids = [int(row[0]) for row in every] if vectors is None else vectors.tolist()  # type: ignore[arg-type]
        found = {
            "words": [id_ for id_, _ in retrieval.by_words(connection, query, 10, scope)],
            "substrings": [
                id_
                for id_, _ in retrieval.by_substrings(connection, lexical.parse("alrus"), 10, scope)
            ],
            "vectors": [id_ for id_, _ in retrieval.passages_of(connection, ids, [1.0] * len(ids))],
        }
        return {
            name: {hit.file_id for hit in retrieval.hits(connection, ids, scope).values()}
            for name, ids in found.items()
        }

    assert filled.read(work) == dict.fromkeys(("words", "substrings", "vectors"), expected)


def test_all_folders_together_narrow_nothing(filled: Database) -> None:
    def documents(filters: Filters) -> tuple[int, ...] | None:
        return filled.read(lambda c: retrieval.scope(c, filters)).documents

    assert documents(Filters(roots=(1, 2, UPLOADS))) is None
    assert documents(Filters(roots=(1, 2))) == (1, 2, 3, 4)


def test_a_copy_outside_the_scope_lends_its_name_to_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path)
    put(database, "/home/me/tax/scan0001.txt", "One text.")
    put(database, "/home/me/photos/budget plan.txt", "One text.")

    def named(filters: Filters) -> list[int]:
        def work(connection: apsw.Connection) -> list[int]:
            scope = retrieval.scope(connection, filters)
            query = lexical.parse("budget plan")
            return names.by_name(connection, "budget plan", query, 10, scope)[1]

        return database.read(work)

    assert named(Filters()) == [2]
    assert named(Filters(where=Comparison("folder", "eq", ("/home/me/photos",)))) == [2]
    assert named(Filters(where=Comparison("folder", "eq", ("/home/me/tax",)))) == []
    database.close()
