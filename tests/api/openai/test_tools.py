"""Tools, calls and schemas in chat completions; what models make of them is in tests/models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from prismd.models.fake import FakeGenerator
from tests.api.harness import LEASE, Live, ask, events, live_server
from tests.api.openai.official import client_of

RING: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "ring",
        "description": "Rings the bell",
        "parameters": {"properties": {"times": {"type": "integer"}}, "required": ["times"]},
        "strict": True,
    },
}
FEED: dict[str, Any] = {"type": "function", "function": {"name": "feed"}}
CALL = 'call ring {"times": 2}'
BOTH = f"{CALL}\ncall feed {{}}"
DEPOSIT = "How much is the deposit that the tenants pay?"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose generator repeats the newest turn, and calls what that tells it to call."""
    folder = tmp_path_factory.mktemp("raw")
    with live_server(folder, generator=FakeGenerator()) as live:
        yield live


def post(live: Live, text: str, **fields: Any) -> Any:
    body = ask(text, model="prism-raw", tools=[RING, FEED], **fields)
    return live.client.post("/v1/chat/completions", json=body)


def streamed(live: Live, text: str, **fields: Any) -> list[Any]:
    body = ask(text, model="prism-raw", tools=[RING, FEED], stream=True, **fields)
    with live.client.stream("POST", "/v1/chat/completions", json=body) as response:
        return events(response)


def test_calls_come_in_openais_shape(raw: Live) -> None:
    reply = post(raw, BOTH).json()
    [choice] = reply["choices"]
    assert choice["finish_reason"] == "tool_calls"
    message = choice["message"]
    assert message["content"] is None
    assert message["role"] == "assistant"
    assert message["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
        | {"id": f"call_{n}"}
        for n, (name, arguments) in enumerate((("ring", '{"times": 2}'), ("feed", "{}")), start=1)
    ]
    assert reply["usage"]["completion_tokens"] == 2


def test_text_before_a_call_is_its_content(raw: Live) -> None:
    message = post(raw, f"Well then\n{CALL}").json()["choices"][0]["message"]
    assert message["content"] == "Well then"
    assert len(message["tool_calls"]) == 1


def test_an_answer_without_calls_has_no_field_of_them(raw: Live) -> None:
    [choice] = post(raw, "hello").json()["choices"]
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"


def test_streamed_calls_have_an_index_and_every_delta_has_content(raw: Live) -> None:
    found = streamed(raw, f"Well\n{BOTH}", stream_options={"include_usage": True})
    assert found.pop() == "[DONE]"
    assert found.pop()["usage"]["completion_tokens"] == 3
    choices = [event["choices"][0] for event in found]
    assert all(isinstance(choice["delta"]["content"], str) for choice in choices)
    assert "".join(choice["delta"]["content"] for choice in choices) == "Well"
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls", ())]
    assert calls == [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "ring", "arguments": '{"times": 2}'},
        },
        {
            "index": 1,
            "id": "call_2",
            "type": "function",
            "function": {"name": "feed", "arguments": "{}"},
        },
    ]
    reasons = [choice["finish_reason"] for choice in choices]
    assert reasons == [None] * (len(choices) - 1) + ["tool_calls"]


def test_the_official_client_reads_calls_whole_and_streamed(raw: Live) -> None:
    request: Any = {"model": "prism-raw", "messages": [{"role": "user", "content": BOTH}]}
    request["tools"] = [RING]
    with client_of(raw) as client:
        whole = client.chat.completions.create(**request)
        with client.chat.completions.stream(**request) as stream:
            gathered = stream.get_final_completion()
    for message in (whole.choices[0].message, gathered.choices[0].message):
        assert message.tool_calls is not None
        [call] = message.tool_calls
        assert call.type == "function"
        assert (call.function.name, json.loads(call.function.arguments)) == ("ring", {"times": 2})


def test_a_conversation_goes_on_with_the_outcome_of_a_call(raw: Live) -> None:
    function = {"name": "ring", "arguments": '{"times": 2}'}
    messages: list[Any] = [
        {"role": "user", "content": CALL},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "name": "ring", "content": "It has rung."},
    ]
    body = {"model": "prism-raw", "messages": messages, "tools": [RING]}
    reply = raw.client.post("/v1/chat/completions", json=body).json()
    assert reply["choices"][0]["message"]["content"] == "It has rung."
    messages[2]["content"] = [{"type": "text", "text": "In parts."}]
    reply = raw.client.post("/v1/chat/completions", json=body).json()
    assert reply["choices"][0]["message"]["content"] == "In parts."


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, ["ring", "feed"]),
        ({"tool_choice": "auto"}, ["ring", "feed"]),
        ({"tool_choice": None, "parallel_tool_calls": None}, ["ring", "feed"]),
        ({"parallel_tool_calls": False}, ["ring"]),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["ring", "feed"]),
        ({"tool_choice": {"type": "function", "function": {"name": "feed"}}}, ["feed"]),
    ],
)
def test_the_choice_of_tools_is_honoured(
    raw: Live, fields: dict[str, Any], names: list[str]
) -> None:
    message = post(raw, BOTH, **fields).json()["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", ())] == names


def test_a_required_call_comes_to_a_question_for_none(raw: Live) -> None:
    message = post(raw, "hello", tool_choice="required").json()["choices"][0]["message"]
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["ring"]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"times": 0}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function.name", "missing"),
        ({"tools": [RING, RING]}, "tools[1].function.name", "two 'ring'"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "web_search"),
        ({"tools": [{"function": {"name": "a b"}}]}, "tools[0].function.name", "no name"),
        ({"tools": "ring"}, "tools", "ring"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice", "send tools"),
        ({"tool_choice": "always"}, "tool_choice", "always"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "sing"}}},
            "tool_choice.function.name",
            "sing",
        ),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function.name", "None"),
        ({"functions": [{"name": "f"}]}, "functions", "send tools"),
        (
            {"tools": [{"function": {"name": "f", "parameters": deep(200)}}]},
            "tools[0].function.parameters",
            "levels deep",
        ),
        ({"tools": [{"function": {"name": f"f{n}"}} for n in range(200)]}, "tools", "too many"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": deep(200)}}},
            "response_format.json_schema.schema",
            "levels deep",
        ),
        ({"messages": []}, "messages", "empty"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_honoured_is_refused_before_anything_is_sent(
    raw: Live, fields: dict[str, Any], param: str, said: str, stream: bool
) -> None:
    body = {**ask("hello", model="prism-raw", tools=[RING]), "stream": stream, **fields}
    response = raw.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("model", ["prism", "prism+sources"])
@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_cited_answers_ignore_tools_that_are_only_offered(
    raw: Live, model: str, choice: str | None
) -> None:
    body = ask(DEPOSIT, model=model, tools=[RING, {"type": "odd"}], tool_choice=choice)
    reply = raw.client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200
    assert "tool_calls" not in reply.json()["choices"][0]["message"]
    assert reply.json()["prism"]["citations"]


def test_cited_answers_take_calls_and_outcomes_as_turns_that_ask_nothing(raw: Live) -> None:
    function = {"name": "ring", "arguments": {"times": 2}}
    body = ask(DEPOSIT, prism={"engine": "extractive"})
    body["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "content": "How high is Mount Everest?"},
    ]
    reply = raw.client.post("/v1/chat/completions", json=body).json()
    assert reply["prism"]["query"] == DEPOSIT
    assert reply["choices"][0]["message"]["content"].startswith(LEASE[0])


def test_a_schema_of_the_official_client_is_followed(raw: Live) -> None:
    from pydantic import BaseModel

    class Animal(BaseModel):
        name: str
        legs: int
        owner: str | None

    class Farm(BaseModel):
        animals: list[Animal]
        main: Animal

    with client_of(raw) as client:
        reply = client.chat.completions.parse(
            model="prism-raw",
            messages=[{"role": "user", "content": "A farm, please"}],
            response_format=Farm,
        )
    assert reply.choices[0].message.parsed == Farm(
        animals=[], main=Animal(name="", legs=0, owner="")
    )


def test_an_outcome_of_a_call_that_nobody_made_is_refused(raw: Live) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "ring", "arguments": "{}"}}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "Ring."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rung"},
    ]
    body = {"model": "prism-raw", "messages": turns}
    assert raw.client.post("/v1/chat/completions", json=body).status_code == 200
    turns[2] = {**turns[2], "tool_call_id": "c2"}
    refused = raw.client.post("/v1/chat/completions", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "messages[2].tool_call_id"
