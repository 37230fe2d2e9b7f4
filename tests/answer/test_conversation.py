"""Questions within a conversation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prismd.answer.answering import (
    BY_WORDS,
    NOTHING_ASKED,
    REFUSAL,
    AnswerSettings,
)
from prismd.answer.conversation import Asked, resolve
from prismd.answer.evidence import EvidenceSettings
from prismd.errors import RequestError
from prismd.models.base import Message
from prismd.models.fake import FakeEmbedder, FakeGenerator, FakeReranker
from prismd.store.database import Database
from tests.answer.asking import EMBEDDER, LIBRARY, Listening, answering, ask, stream
from tests.building import put


def test_a_short_follow_up_leans_on_the_turn_before(database: Database) -> None:
    generator = Listening(echo="Bicycles travel free of charge.")
    made = answering(database, generator)
    _, answer = stream(made, ask("How long does the ferry take?", "40 minutes.", "And bicycles?"))
    assert answer.hits[0].path == "/d/ferry.txt"
    assert "ferry" in generator.asked[-1].content
    assert answer.citations[0].path == "/d/ferry.txt"


def test_turns_are_resolved() -> None:
    def turns(*texts: str) -> tuple[Message, ...]:
        return ask(*texts).turns

    alone = resolve(turns("How deep is the lake?"))
    assert alone == Asked("How deep is the lake?")
    long = "This one stands on its own feet and needs no other"
    for newest in ("And then?", long):
        for between in ((), ("Thanks!", "y")):
            asked = resolve(turns("How deep is the lake?", "x", *between, newest))
            assert asked.text == newest
            assert [context.topic for context in asked.contexts] == ["deep lake"]
            assert asked.leans
    with pytest.raises(RequestError, match="20,000") as refused:
        resolve(turns("x" * 20_001))
    assert refused.value.status == 400
    for nothing in (turns("First", "x", "  "), (), (Message("system", "x"),)):
        with pytest.raises(RequestError) as refused:
            resolve(nothing)
        assert refused.value.param == "messages"


def strict(**thresholds: Any) -> AnswerSettings:
    return AnswerSettings(evidence=EvidenceSettings(follow_up_threshold=0.05, **thresholds))


@pytest.mark.parametrize("reranker", [None, FakeReranker()])
@pytest.mark.parametrize("embedder", [None, EMBEDDER])
def test_a_new_question_is_answered_by_itself(
    database: Database, reranker: FakeReranker | None, embedder: FakeEmbedder | None
) -> None:
    settings = strict(refusal_threshold=0.6, refusal_similarity=0.4)
    made = answering(database, reranker=reranker, embedder=embedder, settings=settings)
    first = ("Is the library closed on Sundays?", "It is.")
    answer = made.answer(ask(*first, "Do bicycles travel free of charge"))
    assert answer.query == "Do bicycles travel free of charge"
    assert {citation.path for citation in answer.citations} == {"/d/ferry.txt"}
    answer = made.answer(ask(*first, "Who composed zebra sonatas?"))
    assert (answer.text, answer.citations) == (REFUSAL if embedder else BY_WORDS, ())


def test_a_follow_up_must_concern_what_is_found(database: Database) -> None:
    made = answering(database, reranker=FakeReranker(), settings=strict(refusal_threshold=0.5))
    first = ("Is it closed on Sundays", "It is.")
    answer = made.answer(ask(*first, "Late Sundays evening?"))
    assert answer.query.startswith("closed Sundays ")
    assert {citation.path for citation in answer.citations} == {"/d/library.txt"}
    assert made.answer(ask(*first, "Zebras?")).text == REFUSAL


@pytest.mark.parametrize("said", ["Thanks!", "ok", "Vielen Dank", "Merci beaucoup.", "Hello"])
@pytest.mark.parametrize("generator", [None, FakeGenerator()])
def test_a_turn_that_asks_nothing_gets_no_old_answer(
    database: Database, said: str, generator: FakeGenerator | None
) -> None:
    made = answering(database, generator)
    texts, answer = stream(made, ask("Is the library closed on Sundays?", "It is.", said))
    assert texts == [NOTHING_ASKED]
    assert (answer.citations, answer.hits, answer.grounding) == ((), (), "none")


def test_without_vectors_a_question_of_other_things_is_refused(data_dir: Path) -> None:
    bare = Database(data_dir)
    put(bare, "/d/library.txt", LIBRARY)  # no passage has its vector yet
    for embedder in (None, EMBEDDER):
        made = answering(bare, embedder=embedder, settings=AnswerSettings())
        assert made.answer(ask("Is the library closed on Sundays?")).citations
        refused = made.answer(ask("Is the moon closed to visiting zebras?"))
        assert refused.text == (REFUSAL if embedder else BY_WORDS)
    bare.close()
