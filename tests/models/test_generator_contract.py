"""What every generator promises, held against every implementation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from prismd.errors import ModelError
from prismd.models.base import Delta, Generator, Message, Sampling
from prismd.models.catalog import find
from prismd.models.fake import FakeGenerator
from prismd.models.generation import Generation
from prismd.models.llama import LlamaGenerator
from prismd.models.remote import RemoteGenerator
from prismd.models.remote_http import RemoteEngine
from tests.models.openai_server import OpenAIServer

QUESTION = [Message("user", "Tell a story of a fox, a hen and a farmer, please, and a long one")]


@pytest.fixture(
    scope="module",
    params=["fake", "remote", pytest.param("llama", marks=[pytest.mark.llama, pytest.mark.models])],
)
def generator(request: pytest.FixtureRequest) -> Iterator[Generator]:
    if request.param == "fake":
        yield FakeGenerator()
    elif request.param == "remote":
        with OpenAIServer() as server:
            yield RemoteGenerator(RemoteEngine(server.base_url, "fake"))
    else:
        weights = request.getfixturevalue("llama_weights")
        model = LlamaGenerator(find("smollm2-135m-instruct"), weights, context_tokens=512)
        yield model
        model.close()


def start(generator: Generator, **sampling: object) -> Generation:
    generation = generator.generate(QUESTION, Sampling(**sampling))  # type: ignore[arg-type]
    assert isinstance(generation, Generation)
    return generation


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def test_it_fulfils_the_protocol(generator: Generator) -> None:
    assert isinstance(generator, Generator)
    assert generator.name
    assert generator.context_tokens > 0


def test_only_the_last_piece_has_a_reason_and_counts(generator: Generator) -> None:
    *pieces, last = start(generator, max_tokens=100)
    assert text_of(pieces).strip()
    assert all(delta.finish_reason is None for delta in pieces)
    assert last.finish_reason in ("stop", "length")
    assert last.prompt_tokens > 0
    assert 0 < last.completion_tokens <= 100


def test_the_answer_is_cut_at_max_tokens(generator: Generator) -> None:
    assert list(start(generator, max_tokens=3))[-1].finish_reason == "length"


def test_the_same_question_has_the_same_answer(generator: Generator) -> None:
    first, second = (text_of(list(start(generator, max_tokens=12))) for _ in range(2))
    assert first == second


def test_a_stop_text_ends_the_answer(generator: Generator) -> None:
    if isinstance(generator, RemoteGenerator):
        pytest.skip("stopping is the server's part; test_remote holds that it is asked to")
    whole = text_of(list(start(generator, max_tokens=30)))
    stop = whole.split()[3]
    assert stop not in text_of(list(start(generator, max_tokens=30, stop=(stop,))))


def test_an_answer_follows_its_schema(generator: Generator) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    answer = text_of(list(start(generator, max_tokens=40, response_schema=schema)))
    assert json.loads(answer) == {}


def test_closing_ends_the_iteration_and_frees_the_turn(generator: Generator) -> None:
    generation = start(generator, max_tokens=400)
    next(generation)
    generation.close()
    assert list(generation) == []
    assert list(start(generator, max_tokens=2))[-1].finish_reason == "length"


def test_closing_before_the_first_piece_is_harmless(generator: Generator) -> None:
    generation = start(generator)
    generation.close()
    generation.close()
    assert list(generation) == []


def test_a_dropped_iterator_frees_the_turn(generator: Generator) -> None:
    next(start(generator, max_tokens=400))
    assert list(start(generator, max_tokens=2))


def test_callers_wait_their_turn_and_all_are_answered(generator: Generator) -> None:
    answers: list[str] = []

    def ask() -> None:
        answers.append(text_of(list(start(generator, max_tokens=5))))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1


def test_tokens_are_counted(generator: Generator) -> None:
    assert generator.count_tokens("") == 0
    assert 0 < generator.count_tokens("a few words") < generator.count_tokens("a few words " * 20)


def test_a_prompt_beyond_the_context_is_refused(generator: Generator) -> None:
    if isinstance(generator, RemoteGenerator):
        pytest.skip("the server knows its context; test_remote holds that its refusal is told")
    with pytest.raises(ModelError, match="ask with less text"):
        list(generator.generate([Message("user", "word " * 5_000)], Sampling()))
    assert list(start(generator, max_tokens=2))


def test_it_works_again_after_close(generator: Generator) -> None:
    generator.close()
    assert list(start(generator, max_tokens=2))
