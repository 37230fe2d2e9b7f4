"""Which sources are cited: of every kind, and while the index changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.answer.answering import (
    NO_TEXT,
    REFUSAL,
    UNSUPPORTED,
    Answering,
    AnswerSettings,
)
from prismd.answer.showing import LEAD
from prismd.domain import Answer, ImageLocator
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeGenerator, FakeImageEmbedder
from prismd.search.likeness import Likeness
from prismd.search.searching import Search, SearchSettings
from prismd.store import documents, files
from prismd.store.database import Database
from tests.answer.asking import EMBEDDER, LIBRARY, answering, ask, check, stream
from tests.building import Indexer, document, picture, put, recording


def test_a_document_that_goes_while_it_answers_is_still_quoted(database: Database) -> None:
    made = answering(database, FakeGenerator(echo="It is closed on Sundays. And so on."))
    answer = made.stream(ask("Is the library closed on Sundays?"))
    next(answer)

    def collect(connection) -> None:  # type: ignore[no-untyped-def]
        files.remove(connection, [1])
        documents.collect_orphans(connection, older_than_s=0)

    database.write(collect)
    *_, last = answer
    assert isinstance(last, Answer)
    assert last.citations[0].quote == "It is closed on Sundays."
    assert last.citations[0].path == "/d/library.txt"


def test_a_document_that_is_made_anew_is_not_cited_by_its_old_places(database: Database) -> None:
    made = answering(database)
    question = ask("Is it closed on Sundays")
    check(made.answer(question), database)
    sha256 = made.answer(question).citations[0].sha256
    anew, passages = document("An added line comes first.\n\n\n" + LIBRARY, sha256=sha256)
    database.write(lambda c: documents.replace(c, anew, passages, None))
    answer = made.answer(question)
    assert "closed on Sundays" in answer.citations[0].quote
    check(answer, database)


def test_a_reader_answers_without_keeping_citations(data_dir: Path, database: Database) -> None:
    reader = Database(data_dir, writable=False)
    answer = answering(reader).answer(ask("Is it closed on Sundays"))
    assert answer.citations
    assert database.read(lambda c: c.execute("SELECT count(*) FROM citations").get) == 0
    reader.close()


FACT = "The boathouse deposit is 450 euros."


def test_every_kind_of_source_that_says_the_same_is_cited(data_dir: Path) -> None:
    database = Database(data_dir)
    for type_, path, text in (
        ("document", "/d/lease.docx", FACT),
        ("image", "/d/screenshot.png", f"{FACT} Pay at the desk."),
        ("audio", "/d/memo.wav", "the boathouse deposit is 450 euros"),
        ("text", "/d/other.txt", "The boathouse was painted in the year of 1998."),
    ):
        put(database, path, text, type_=type_, embedder=EMBEDDER)  # type: ignore[arg-type]
    answer = answering(database).answer(ask("What is the boathouse deposit?"))
    assert answer.text.count("450") == 1
    assert {citation.path for citation in answer.citations} == {
        "/d/lease.docx",
        "/d/screenshot.png",
        "/d/memo.wav",
    }
    assert all(citation.support == "exact" for citation in answer.citations)
    check(answer, database)
    database.close()


def test_what_another_file_says_otherwise_is_not_cited_beside(data_dir: Path) -> None:
    database = Database(data_dir)
    put(database, "/d/a.txt", FACT, embedder=EMBEDDER)
    put(database, "/d/b.txt", FACT.replace("450", "540"), embedder=EMBEDDER)
    put(database, "/d/c.txt", FACT.replace(" is ", " is not "), embedder=EMBEDDER)
    answer = answering(database).answer(ask("What is the boathouse deposit?"))
    cited = {citation.quote: citation.path for citation in answer.citations}
    assert all(citation.path == cited[citation.quote] for citation in answer.citations)
    for sentence in (line for line in answer.text.splitlines() if "450" in line):
        assert sentence.count("[") == 1
    database.close()


@pytest.fixture
def media(tmp_path: Path, data_dir: Path) -> Iterator[tuple[Database, Search]]:
    """Two pictures and a recording without words, and the search for them."""
    pool, images = ExtractPool(1), FakeImageEmbedder()
    indexer = Indexer(tmp_path / "photos", data_dir, pool, embedder=EMBEDDER, images=images)
    indexer.write("barn.png", picture("red"))
    indexer.write("sea.png", picture("blue"))
    indexer.write("harbour.wav", recording(seconds=2))
    indexer.run()
    database = indexer.database
    likeness = Likeness(database, images)
    yield database, Search(database, EMBEDDER, None, SearchSettings(), likeness=likeness)
    database.close()
    pool.close()


def test_a_picture_that_shows_it_is_named_and_cited(media: tuple[Database, Search]) -> None:
    made = Answering(*media, EMBEDDER, None, None, AnswerSettings())
    _, answer = stream(made, ask("a photo of something red"))
    assert answer.text == f"{LEAD}\n- barn.png in photos [1]"
    (citation,) = answer.citations
    assert (citation.quote, citation.support, citation.type) == ("", "weak", "image")
    assert citation.thumbnail.endswith(f"/files/{citation.file_id}/thumbnail")
    assert citation.locator == ImageLocator(((0, 0, 320, 200),), 320, 200)
    assert answer.text[citation.char_start : citation.char_end] == "barn.png in photos"
    assert answer.grounding == "partial"
    assert stream(made, ask("a photo of a walrus"))[1].text == REFUSAL
    assert stream(made, ask("show me something red"))[1].text.startswith(LEAD)


def test_what_a_picture_shows_does_not_contradict_its_being_shown(
    media: tuple[Database, Search],
) -> None:
    made = Answering(*media, EMBEDDER, None, None, AnswerSettings())
    for question in ("who signed the red contract", "What is red?"):
        untold = stream(made, ask(question))[1]
        assert untold.text.startswith(f"{NO_TEXT}\n\n{LEAD}")
        assert (untold.grounding, len(untold.citations)) == ("partial", 1)


def test_a_recording_that_is_asked_for_is_named(media: tuple[Database, Search]) -> None:
    made = Answering(*media, EMBEDDER, None, None, AnswerSettings())
    answer = stream(made, ask("where is my recording of the harbour"))[1]
    assert answer.text == f"{LEAD}\n- harbour.wav in photos [1]"
    assert [citation.type for citation in answer.citations] == ["audio"]


def test_what_a_picture_shows_supports_no_statement(media: tuple[Database, Search]) -> None:
    database, search = media
    put(database, "/d/a.txt", "The red contract was signed in May.", embedder=EMBEDDER)
    generator = FakeGenerator(echo="Bananas grow.")
    made = Answering(database, search, EMBEDDER, None, generator, AnswerSettings())
    invented = stream(made, ask("in which month was the red contract signed?"))[1]
    assert UNSUPPORTED.strip() in invented.text
    assert LEAD in invented.text
    assert invented.grounding == "none"
