from __future__ import annotations

import pytest

from prismd.domain import Filters
from prismd.store import files, lexical, names, retrieval
from prismd.store.check import check
from prismd.store.database import Database
from tests.building import entry, put


def shares(database: Database, query: str) -> dict[str, float]:
    def work(connection):  # type: ignore[no-untyped-def]
        scope = retrieval.scope(connection, Filters())
        found, named = names.by_name(connection, query, lexical.parse(query), 10, scope)
        hits = retrieval.hits(connection, [id_ for id_, _ in found], scope, named)
        return {hits[id_].path: share for id_, share in found}

    return dict(database.read(work))


def find(database: Database, query: str, filters: Filters | None = None) -> list[str]:
    def work(connection):  # type: ignore[no-untyped-def]
        scope = retrieval.scope(connection, filters or Filters())
        found, named = names.by_name(connection, query, lexical.parse(query), 10, scope)
        hits = retrieval.hits(connection, [id_ for id_, _ in found], scope, named)
        return [hits[id_].path for id_, _ in found]

    return list(database.read(work))


@pytest.fixture
def filled(database: Database) -> Database:
    put(database, "/d/Holiday 2019/beach-lisbon.jpg", "One.")
    put(database, "/d/Holiday 2019/IMG_0002034.jpg", "Two.")
    put(database, "/d/letters/budget_final.docx", "Three.")
    put(database, "/d/letters/年度预算.txt", "Four.")
    return database


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("beach", ["/d/Holiday 2019/beach-lisbon.jpg"]),
        ("the beach of Lisbon", ["/d/Holiday 2019/beach-lisbon.jpg"]),
        ("IMG_0002034", ["/d/Holiday 2019/IMG_0002034.jpg"]),
        ("final budget", ["/d/letters/budget_final.docx"]),
        ("预算", ["/d/letters/年度预算.txt"]),
        ("holiday", []),  # the folder alone says it
        ("walrus", []),
        ("what did we decide on the beach about the roof and the garden", []),
        ('"" OR * NOT (', []),
    ],
)
def test_files_are_found_by_what_their_names_say(
    filled: Database, query: str, found: list[str]
) -> None:
    assert find(filled, query) == found


def test_a_name_that_says_all_comes_first(filled: Database) -> None:
    put(filled, "/d/beach.jpg", "Five.")
    assert find(filled, "beach lisbon")[0] == "/d/Holiday 2019/beach-lisbon.jpg"


def test_filters_narrow_names(filled: Database) -> None:
    assert find(filled, "budget", Filters(folder=("letters",)))
    assert not find(filled, "budget", Filters(folder=("Holiday 2019",)))


def test_a_moved_file_has_its_new_name_and_a_removed_one_none(filled: Database) -> None:
    file_id = filled.read(lambda c: c.execute("SELECT id FROM files WHERE path LIKE '%beach%'").get)
    filled.write(lambda c: files.move(c, None, [(file_id, entry("/d/harbour.jpg"))]))
    assert find(filled, "beach") == []
    assert find(filled, "harbour") == ["/d/harbour.jpg"]
    filled.write(lambda c: files.remove(c, [file_id]))
    assert find(filled, "harbour") == []
    assert check(filled, repair=False) == []


def test_a_lost_index_of_names_is_made_anew(filled: Database) -> None:
    filled.write(lambda c: c.execute("DELETE FROM file_names WHERE rowid > 1"))
    (finding,) = check(filled, repair=True)
    assert "names" in finding.what
    assert finding.repaired
    assert find(filled, "budget") == ["/d/letters/budget_final.docx"]


def test_of_two_copies_the_one_that_was_asked_for_is_named(filled: Database) -> None:
    put(filled, "/d/zebra.txt", "The same text.", mtime_s=1)
    put(filled, "/d/quagga.txt", "The same text.", mtime_s=2)
    assert find(filled, "zebra") == ["/d/zebra.txt"]
    assert find(filled, "quagga") == ["/d/quagga.txt"]


def test_neither_what_lies_outside_nor_what_was_not_read_hides_a_file(filled: Database) -> None:
    for number in range(150):
        put(filled, f"/other/budget {number}.txt", f"Number {number}.")
    unread = [entry(f"/d/letters/budget {number}.bin") for number in range(150)]
    filled.write(lambda c: files.add(c, None, unread))
    assert find(filled, "budget", Filters(folder=("letters",))) == ["/d/letters/budget_final.docx"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("Where is my picture of the harbour sunset", "/d/harbour_sunset.jpg"),
        ("Show me the photo of the harbour", "/d/harbour_sunset.jpg"),
        ("zeig mir das Bild vom harbour", "/d/harbour_sunset.jpg"),
        ("Do I have the recording LJ001 0002?", "/d/LJ001-0002.flac"),
    ],
)
def test_what_kind_of_file_is_asked_for_need_not_stand_in_its_name(
    database: Database, query: str, path: str
) -> None:
    put(database, "/d/harbour_sunset.jpg", "One.", type_="image")
    put(database, "/d/LJ001-0002.flac", "Two.", type_="audio")
    put(database, "/d/harbour_picture.txt", "Three.")
    assert shares(database, query)[path] == 1.0


def test_a_text_is_no_picture_by_its_name(database: Database) -> None:
    put(database, "/d/harbour.txt", "Three.")
    assert shares(database, "picture of the harbour") == {"/d/harbour.txt": 0.5}
