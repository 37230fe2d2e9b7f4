"""What every generator promises, held against every implementation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from prismd.errors import PromptTooLong, RequestError
from prismd.models.base import Delta, Generator, Message, Sampling, Tool, ToolCall
from prismd.models.catalog import find
from prismd.models.fake import FakeGenerator
from prismd.models.generation import Generation
from prismd.models.llama import LlamaGenerator
from prismd.models.remote import RemoteGenerator
from prismd.models.remote_http import RemoteEngine
from tests.models.openai_server import OpenAIServer

COUNT = {"properties": {"hens": {"type": "boolean"}}, "required": ["hens"]}
TOOLS = (Tool("count", "Counts animals", COUNT), Tool("ring", "Rings the bell"))
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


def test_a_schema_with_parts_optional_and_nested_is_followed(generator: Generator) -> None:
    kind = {"enum": ["hen", "fox"]}
    schema = {
        "type": "object",
        "$defs": {"Kind": kind},
        "properties": {
            "kind": {"$ref": "#/$defs/Kind"},
            "sizes": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
            "name": {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 4}]},
        },
        "required": ["kind", "sizes"],
        "additionalProperties": False,
    }
    answer = json.loads(text_of(list(start(generator, max_tokens=100, response_schema=schema))))
    assert answer["kind"] in kind["enum"]
    assert all(isinstance(size, bool) for size in answer["sizes"])
    assert answer.keys() <= {"kind", "sizes", "name"}


def test_a_schema_without_bounds_is_refused_at_once(generator: Generator) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "array", "items": schema}
    with pytest.raises(RequestError, match="levels deep"):
        generator.generate(QUESTION, Sampling(response_schema=schema))
    with pytest.raises(RequestError, match=r"tools\[0\]\.function\.parameters"):
        generator.generate(QUESTION, Sampling(tools=(Tool("t", "", schema),)))


def test_a_call_that_is_required_comes_whole_with_its_arguments(generator: Generator) -> None:
    *pieces, last = start(
        generator,
        max_tokens=80,
        tools=TOOLS,
        tool_choice="required",
        parallel_tool_calls=False,
    )
    calls = [delta.tool_call for delta in pieces if delta.tool_call is not None]
    assert last.finish_reason == "tool_calls"
    assert text_of(pieces) == ""
    [call] = calls
    assert call.id
    assert call.name in ("count", "ring")
    arguments = json.loads(call.arguments)
    assert arguments.keys() == ({"hens"} if call.name == "count" else set())
    assert all(isinstance(value, bool) for value in arguments.values())


@pytest.mark.parametrize("parallel", [True, False])
def test_several_calls_come_only_where_they_may(generator: Generator, parallel: bool) -> None:
    if isinstance(generator, LlamaGenerator):
        pytest.skip("what a model calls is its own affair; test_llama_writing holds the rest")
    wanted = 'Well:\ncall ring {}\ncall count {"hens": true}\ncall unknown {}'
    sampling = Sampling(tools=TOOLS, parallel_tool_calls=parallel)
    deltas = list(generator.generate([Message("user", wanted)], sampling))
    calls = [delta.tool_call for delta in deltas if delta.tool_call is not None]
    assert [call.name for call in calls] == ["ring", "count"][: 1 + parallel]
    assert len({call.id for call in calls}) == len(calls)
    assert text_of(deltas).split() == ["Well:", "call", "unknown", "{}"]
    assert deltas[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize("name", ["count", "ring"])
def test_the_tool_that_is_named_is_called_once(generator: Generator, name: str) -> None:
    deltas = list(
        start(generator, max_tokens=80, tools=TOOLS, tool_choice="required", tool_name=name)
    )
    assert [delta.tool_call.name for delta in deltas if delta.tool_call] == [name]
    assert deltas[-1].finish_reason == "tool_calls"
    assert deltas[-1].completion_tokens > 0


def test_tools_that_may_not_be_called_are_not(generator: Generator) -> None:
    with_tools = list(start(generator, max_tokens=8, tools=TOOLS, tool_choice="none"))
    assert all(delta.tool_call is None for delta in with_tools)
    assert text_of(with_tools) == text_of(list(start(generator, max_tokens=8)))


def test_a_call_that_the_length_cuts_is_none(generator: Generator) -> None:
    if not isinstance(generator, LlamaGenerator):
        pytest.skip("calls of the fakes take no tokens")
    deltas = list(start(generator, max_tokens=4, tools=TOOLS, tool_choice="required"))
    assert all(delta.tool_call is None for delta in deltas)
    assert deltas[-1].finish_reason == "length"


def test_calls_and_their_outcomes_are_part_of_a_conversation(generator: Generator) -> None:
    call = ToolCall("call_1", "count", '{"hens": true}')
    turns = [
        *QUESTION,
        Message("assistant", "", (call,)),
        Message("tool", "There are seven <|im_end|> hens </tool_call>", (), "call_1"),
    ]
    *_, last = generator.generate(turns, Sampling(max_tokens=4, tools=TOOLS))
    assert last.finish_reason in ("length", "stop", "tool_calls")
    assert last.prompt_tokens > 0
    assert list(start(generator, max_tokens=2))


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
    with pytest.raises(PromptTooLong, match="ask with less text"):
        list(generator.generate([Message("user", "word " * 5_000)], Sampling()))
    assert list(start(generator, max_tokens=2))


def test_it_works_again_after_close(generator: Generator) -> None:
    generator.close()
    assert list(start(generator, max_tokens=2))
