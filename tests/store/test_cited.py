"""The files that the last answers cited: which of them, and in what order."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from prismd.store import citations, cited, files, history
from prismd.store.database import Database
from prismd.store.history import Entry
from tests.building import put
from tests.store.test_citations import made


def cite(database: Database, path: str, text: str) -> str:
    """Hand out a citation of what a file held; returns its id."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    id_ = hashlib.sha256(f"{path} {text}".encode()).hexdigest()[:24]
    given = msgspec.structs.replace(made(0), citation_id=id_, path=path, sha256=sha256)
    database.write(lambda c: citations.keep(c, given, 0, 8))
    return id_


def answer(database: Database, *cited_ids: str) -> None:
    entry = Entry(kind="ask", query="?", cited=msgspec.json.encode(cited_ids).decode())
    database.write(lambda c: history.add(c, entry))


def recent(database: Database, limit: int = 9) -> list[str]:
    return [each.file.path for each in database.read(lambda c: cited.recent(c, limit))]


def test_they_stand_in_the_order_in_which_the_answers_cite_them(database: Database) -> None:
    ids = []
    for number in range(12):
        put(database, f"/d/{number}.txt", f"Text number {number}.")
        ids.append(cite(database, f"/d/{number}.txt", f"Text number {number}."))
    answer(database, *ids)  # more than ten: they count as numbers
    assert recent(database, 99) == [f"/d/{number}.txt" for number in range(12)]
    answer(database, ids[7], ids[2])
    assert recent(database, 3) == ["/d/7.txt", "/d/2.txt", "/d/0.txt"]


def test_of_copies_it_is_the_one_that_was_cited_and_else_the_one_there_is(
    database: Database,
) -> None:
    put(database, "/d/cited.txt", "The same words.", mtime_s=1.0)
    put(database, "/d/newer.txt", "The same words.", mtime_s=2.0)
    answer(database, cite(database, "/d/cited.txt", "The same words."))
    assert recent(database) == ["/d/cited.txt"]
    answer(database, cite(database, "/d/moved.txt", "The same words."))
    assert recent(database) == ["/d/newer.txt", "/d/cited.txt"]


def test_what_was_edited_since_is_the_file_at_its_place(database: Database) -> None:
    put(database, "/d/a.txt", "As it is now.")
    answer(database, cite(database, "/d/a.txt", "As it was."), cite(database, "/d/b.txt", "Gone."))
    assert recent(database) == ["/d/a.txt"]


def test_only_the_last_answers_are_looked_at_and_searches_are_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cited, "_ANSWERS", 2)
    for name in "abc":
        put(database, f"/d/{name}.txt", f"The text of {name}.")
        answer(database, cite(database, f"/d/{name}.txt", f"The text of {name}."))
    for _ in range(3):
        answer(database)
    assert recent(database) == ["/d/c.txt", "/d/b.txt"]
    database.write(lambda c: files.remove(c, [2, 3]))
    assert recent(database) == []
