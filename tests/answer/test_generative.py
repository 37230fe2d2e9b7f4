"""Answers that a model writes."""

from __future__ import annotations

import threading

import pytest

from prismd.answer.answering import (
    REFUSAL,
    UNSUPPORTED,
)
from prismd.errors import ModelError, RequestError
from prismd.models.base import Sampling
from prismd.models.fake import FakeGenerator
from prismd.store.database import Database
from tests.answer.asking import EMBEDDER, answering, ask, check, stream
from tests.building import put


def test_a_generated_answer_is_cited_sentence_by_sentence(database: Database) -> None:
    said = "It is closed on Sundays. Bicycles travel free of charge. Zebras gallop about."
    made = answering(database, FakeGenerator(echo=said))
    texts, answer = stream(made, ask("Is the library closed, and what of bicycles on the ferry?"))
    assert len(texts) > 5
    assert answer.engine == "generative"
    assert answer.grounding == "partial"
    cited = {answer.text[c.char_start : c.char_end]: c.path for c in answer.citations}
    assert cited == {
        "It is closed on Sundays.": "/d/library.txt",
        "Bicycles travel free of charge.": "/d/ferry.txt",
    }
    assert answer.text.endswith("Zebras gallop about.")
    assert answer.completion_tokens == len(said.split())
    assert answer.prompt_tokens > 0
    check(answer, database)


def test_an_invented_number_never_leaves(database: Database) -> None:
    made = answering(database, FakeGenerator(echo="It is closed on Sundays [9]. [77] So [1,99]."))
    texts, answer = stream(made, ask("Is the library closed on Sundays?"))
    assert "[9]" not in "".join(texts)
    assert "9" not in answer.text
    assert {citation.n for citation in answer.citations} <= {1, 2}


def test_a_generated_answer_without_support_says_so(database: Database) -> None:
    made = answering(database, FakeGenerator(echo="Zebras gallop."))
    _, answer = stream(made, ask("Is the library closed on Sundays?"))
    assert answer.text == "Zebras gallop." + UNSUPPORTED
    assert answer.grounding == "none"
    assert answer.citations == ()


@pytest.mark.parametrize(
    "said",
    [
        "The passages do not say.",
        " The passages do not say\n",
        "The provided passages don't mention it.",
        "These passages contain no answer to that.",
        "",
        " \n",
    ],
)
def test_what_the_generator_does_not_find_is_refused(database: Database, said: str) -> None:
    made = answering(database, FakeGenerator(echo=said))
    texts, answer = stream(made, ask("Is the library closed on Sundays?"))
    assert texts == [REFUSAL]
    assert answer.grounding == "none"


def test_a_cut_answer_is_told_from_a_finished_one(database: Database) -> None:
    made = answering(database, FakeGenerator(echo="It is closed on Sundays and more and more."))
    question = ask("Is the library closed on Sundays?", sampling=Sampling(max_tokens=3))
    _, answer = stream(made, question)
    assert answer.finish_reason == "length"
    assert answer.completion_tokens == 3
    assert answer.text.startswith("It is closed")


def test_a_small_context_still_gets_an_answer(database: Database) -> None:
    put(database, "/d/long.txt", "The library is closed. " * 2_000, embedder=EMBEDDER)
    made = answering(database, FakeGenerator(context_tokens=1_400, echo="It is closed on Sundays."))
    _, answer = stream(made, ask("Is the library closed on Sundays?"))
    assert answer.text.startswith("It is closed on Sundays.")


def test_a_generator_that_fails_is_an_error_and_its_turn_ends(database: Database) -> None:
    generator = FakeGenerator(fail_after=2, echo="It is closed on Sundays.")
    made = answering(database, generator)
    with pytest.raises(ModelError):
        made.answer(ask("Is the library closed on Sundays?"))
    assert generator.turn.acquire(timeout=120)


def test_closing_the_stream_stops_the_generation(database: Database) -> None:
    generator = FakeGenerator(echo="It is closed on Sundays and on " + "other days " * 500)
    made = answering(database, generator)
    answer = made.stream(ask("Is the library closed on Sundays?"))
    next(answer)
    answer.close()
    assert generator.closed == 1
    assert generator.turn.acquire(timeout=120)


def test_answers_of_many_askers_come_out_whole(database: Database) -> None:
    made = answering(database, FakeGenerator(echo="It is closed on Sundays."))
    found: list[str] = []

    def work() -> None:
        found.append(made.answer(ask("Is the library closed on Sundays?")).text)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["It is closed on Sundays. [1]"] * 8


def test_an_engine_that_is_not_there_is_refused_by_name(database: Database) -> None:
    with pytest.raises(RequestError, match="prismd models pull") as refused:
        answering(database).answer(ask("Anything?", engine="generative"))
    assert refused.value.param == "engine"


def test_the_engine_asked_for_is_used(database: Database) -> None:
    made = answering(database, FakeGenerator(echo="It is closed on Sundays."))
    question = "Is the library closed on Sundays?"
    assert made.answer(ask(question, engine="extractive")).engine == "extractive"
    assert made.answer(ask(question, engine="auto")).engine == "generative"
    assert made.answer(ask(question)).engine == "generative"
