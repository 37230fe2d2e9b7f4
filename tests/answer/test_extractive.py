"""Answers that quote."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.answer.answering import (
    BY_WORDS,
    REFUSAL,
    AnswerSettings,
)
from prismd.answer.evidence import EvidenceSettings
from prismd.domain import Filters
from prismd.models.fake import FakeEmbedder, FakeGenerator, FakeReranker
from prismd.store.database import Database
from tests.answer.asking import EMBEDDER, answering, ask, check, stream
from tests.building import put


@pytest.mark.parametrize("reranker", [None, FakeReranker()])
@pytest.mark.parametrize("embedder", [None, EMBEDDER])
def test_an_extracted_answer_quotes_the_sentence_that_answers(
    database: Database, reranker: FakeReranker | None, embedder: FakeEmbedder | None
) -> None:
    made = answering(database, reranker=reranker, embedder=embedder)
    _, answer = stream(made, ask("Is it closed on Sundays"))
    assert "It is closed on Sundays. [1]" in answer.text
    assert answer.engine == "extractive"
    assert answer.grounding == "supported"
    assert answer.citations[0].quote == "It is closed on Sundays."
    assert answer.citations[0].support == "exact"
    assert answer.citations[0].path == "/d/library.txt"
    assert answer.citations[0].title == "library.txt"
    assert answer.finish_reason == "stop"
    check(answer, database)


def test_marks_in_a_source_are_no_claims(database: Database) -> None:
    put(database, "/d/wiki.txt", "Walruses eat clams.[2] Otters eat urchins.[1]", embedder=EMBEDDER)
    _, answer = stream(answering(database), ask("what do walruses eat, clams?"))
    assert {citation.path for citation in answer.citations} == {"/d/wiki.txt"}
    check(answer, database)


def test_nothing_found_by_words_alone_proves_nothing(database: Database) -> None:
    texts, answer = stream(answering(database, embedder=None), ask("Who wrote the zebra sonata?"))
    assert texts == [answer.text] == [BY_WORDS]
    assert (answer.citations, answer.grounding) == ((), "none")


def test_an_answer_that_nothing_supports_says_so(database: Database) -> None:
    strict = AnswerSettings(
        evidence=EvidenceSettings(refusal_threshold=0.999, refusal_similarity=0.999)
    )
    for made in (
        answering(database, reranker=FakeReranker(), settings=strict),
        answering(database, FakeGenerator(), settings=strict),
    ):
        texts, answer = stream(made, ask("Who wrote the zebra sonata?"))
        assert texts == [REFUSAL]
        assert answer.citations == ()
        assert answer.grounding == "none"
        assert answer.finish_reason == "stop"


def test_an_empty_index_refuses(data_dir: Path) -> None:
    with_nothing = Database(data_dir)
    for generator in (None, FakeGenerator()):
        _, answer = stream(answering(with_nothing, generator), ask("Anything?"))
        assert (answer.text, answer.hits, answer.grounding) == (REFUSAL, (), "none")
    with_nothing.close()


def test_hits_are_as_many_as_asked_for_whatever_the_evidence(database: Database) -> None:
    _, answer = stream(answering(database), ask("library ferry", limit=1))
    assert len(answer.hits) == 1


def test_filters_narrow_the_evidence(database: Database) -> None:
    question = ask("library ferry sundays", filters=Filters(path=("*/ferry.txt",)))
    _, answer = stream(answering(database), question)
    assert {citation.path for citation in answer.citations} <= {"/d/ferry.txt"}
    assert {hit.path for hit in answer.hits} == {"/d/ferry.txt"}


def test_what_a_search_had_to_do_without_is_told(database: Database) -> None:
    answer = answering(database, embedder=FakeEmbedder(name="other")).answer(ask("library sundays"))
    assert "prismd reindex --stale" in answer.warnings[0]


def test_words_that_are_quoted_are_found_where_they_stand(database: Database) -> None:
    question = ask('Where is it said: "bicycles travel free of charge"?')
    pieces, answer = stream(answering(database, FakeGenerator(echo="Bananas.")), question)
    assert answer.text == "Bicycles travel free of charge. [1]"
    assert (answer.engine, answer.grounding) == ("extractive", "supported")
    (citation,) = answer.citations
    assert (citation.quote, citation.support) == ("Bicycles travel free of charge.", "exact")
    assert pieces
    check(answer, database)
    written = stream(
        answering(database, FakeGenerator(echo="Bananas.")),
        ask('Where is it said: "bicycles travel free of charge"?', engine="generative"),
    )[1]
    assert written.engine == "generative"
