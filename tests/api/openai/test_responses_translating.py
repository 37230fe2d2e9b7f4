"""Requests for responses as requests for chats, and errors as they name what was sent. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from prismd.api.openai.responses.items import item_id, referred, response_of, taken
from prismd.api.openai.responses.shape import frame_of
from prismd.api.openai.responses.translating import Translated, check, translate
from prismd.api.openai.responses.wire import ResponsesRequest
from prismd.errors import RequestError
from prismd.models.base import Sampling

RESPONSE = f"resp_{'a' * 32}"


def translated(**fields: Any) -> Translated:
    body = {"model": "prism-raw", "input": "x", **fields}
    request = msgspec.convert(body, ResponsesRequest)
    check(request)
    return translate(request, (), taken(request.input or "", RESPONSE, {}, frozenset()))


def test_calls_and_what_they_returned_are_turns_of_the_chat() -> None:
    made = translated(
        input=[
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "Let me see."},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "sun"},
            {
                "type": "function_call_output",
                "call_id": "2",
                "output": [{"type": "input_text", "text": "rain"}],
            },
            {"type": "function_call", "call_id": "3", "name": "f", "arguments": "{}"},
        ]
    )
    roles = [message.role for message in made.chat.messages]
    assert roles == ["user", "assistant", "tool", "tool", "assistant"]
    calls = made.chat.messages[1].tool_calls
    assert calls is not None
    assert [call["id"] for call in msgspec.to_builtins(calls)] == ["1", "2"]
    assert made.chat.messages[4].content is None
    assert made.messages == ("input[0]", "input[1]", "input[4]", "input[5]", "input[6]")


def test_functions_are_the_tools_of_the_chat() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    made = translated(tools=[{"type": "function", **function}])
    [tool] = msgspec.to_builtins(made.chat.tools)
    assert tool["type"] == "function"
    assert tool["function"].items() >= {"name": "f", "parameters": {"type": "object"}}.items()


def test_only_the_allowed_functions_are_tools() -> None:
    tools = [{"type": "function", "name": name} for name in "abc"]
    allowed = [{"type": "function", "name": "c"}]
    choice = {"type": "allowed_tools", "mode": "required", "tools": allowed}
    made = translated(tools=tools, tool_choice=choice)
    [tool] = msgspec.to_builtins(made.chat.tools)
    assert tool["function"]["name"] == "c"
    assert made.tools == ("tools[2]",)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("messages[0].role", "instructions.role"),
        ("messages[1].content[2].type", "input[0].content[2].type"),
        ("messages[2].tool_calls[0].function.name", "input[1]"),
        ("messages[3].tool_call_id", "input[2].call_id"),
        ("messages", "input"),
        ("tools[0].function.parameters", "tools[0].parameters"),
        ("tools", "tools"),
        ("tool_choice.function.name", "tool_choice.name"),
        ("response_format", "text.format"),
        ("response_format.json_schema.schema", "text.format.schema"),
        ("max_completion_tokens", "max_output_tokens"),
        ("prism.filters.type", "prism.filters.type"),
    ],
)
def test_errors_name_what_was_sent(named: str, expected: str) -> None:
    made = translated(
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "x"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "sun"},
        ],
        tools=[{"type": "function", "name": "f"}],
    )
    with pytest.raises(RequestError, match="is wrong") as caught, made.named():
        raise RequestError(f"{named}: is wrong", status=409, code="c", param=named)
    assert caught.value.param == expected
    assert str(caught.value) == f"{expected}: is wrong"
    assert (caught.value.status, caught.value.code) == (409, "c")


def test_an_error_that_names_nothing_stays_as_it_is() -> None:
    error = RequestError("no")
    with pytest.raises(RequestError) as caught, translated().named():
        raise error
    assert caught.value is error


@given(number=st.integers(min_value=0, max_value=2**31 - 1), of_input=st.booleans())
def test_an_items_id_tells_of_its_response(number: int, of_input: bool) -> None:
    id_ = item_id(RESPONSE, "msg", number, of_input=of_input)
    assert response_of(id_) == RESPONSE
    assert id_ != item_id(RESPONSE, "msg", number, of_input=not of_input)


@given(st.text())
def test_what_is_no_items_id_is_of_no_response(id_: str) -> None:
    assert response_of(id_) == ""


def test_only_references_refer() -> None:
    request = msgspec.convert(
        {
            "model": "m",
            "input": [
                {"type": "item_reference", "id": "a"},
                {"id": "b"},
                {"id": "c", "role": "user", "content": "x"},
                {"type": "reasoning", "id": "d"},
            ],
        },
        ResponsesRequest,
    )
    assert referred(request.input) == {"a", "b"}
    assert referred("a") == referred(None) == set()


def test_what_was_sent_of_tools_is_echoed_without_what_was_not() -> None:
    request = msgspec.convert(
        {
            "model": "prism",
            "input": "x",
            "tools": [
                {"type": "file_search", "filters": {"type": "eq", "key": "type", "value": "text"}},
                {"type": "function", "name": "f", "parameters": {"default": None}},
            ],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "file_search"}],
            },
        },
        ResponsesRequest,
    )
    made = frame_of(request, RESPONSE, 1, Sampling(), keep=True, cited=True).response
    search, function = made.tools
    assert search == {
        "type": "file_search",
        "vector_store_ids": [],
        "filters": {"type": "eq", "key": "type", "value": "text"},
    }
    assert function == {
        "type": "function",
        "name": "f",
        "description": None,
        "parameters": {"default": None},
        "strict": None,
    }
    assert made.tool_choice == {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "file_search"}],
    }
    Response.model_validate(msgspec.json.decode(msgspec.json.encode(made)), strict=True)
