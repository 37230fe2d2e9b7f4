"""Functions that a response asks to be called, from the request to what they returned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from prismd.models.base import Message, Sampling
from prismd.models.fake import FakeGenerator
from prismd.models.generation import Generation
from tests.api.harness import Live, live_server
from tests.api.openai.official import client_of
from tests.api.openai.test_responses import asked
from tests.api.openai.test_responses_events import rebuilt, streamed

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a town.",
    "parameters": {
        "type": "object",
        "properties": {"town": {"type": "string"}},
        "required": ["town"],
        "additionalProperties": False,
    },
    "strict": True,
}
CALLING: dict[str, Any] = {
    "model": "prism-raw",
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "name": "weather"},
}


class Listening(FakeGenerator):
    """The fake, which remembers the turns that it was given last."""

    heard: tuple[Message, ...] = ()

    def generate(self, messages: Any, sampling: Sampling) -> Generation:
        self.heard = tuple(messages)
        return super().generate(messages, sampling)


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose generator calls what it must."""
    folder = tmp_path_factory.mktemp("calling")
    with live_server(folder, sample=False, generator=Listening()) as live:
        yield live


def test_a_function_is_called_and_what_it_returned_is_heard(calling: Live) -> None:
    with client_of(calling) as client:
        create: Any = client.responses.create
        first = create(input="Weather in Porto?", **CALLING)
        [call] = first.output
        assert call.type == "function_call"
        assert call.name == "weather"
        assert isinstance(json.loads(call.arguments), dict)
        second = client.responses.create(
            model="prism-raw",
            previous_response_id=first.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "Sun."}],
        )
    assert second.output[0].type == "message"
    generator = calling.stack.generator
    assert isinstance(generator, Listening)
    asked_, called, returned = generator.heard
    assert (asked_.role, called.role, returned.role) == ("user", "assistant", "tool")
    assert called.tool_calls[0].id == returned.tool_call_id == call.call_id
    assert returned.content == "Sun."


def test_a_stream_tells_the_call(calling: Live) -> None:
    events = streamed(calling, asked("Weather in Porto?", **CALLING))
    assert rebuilt(events) == events[-1]["response"]["output"]
    kinds = [event["type"] for event in events]
    assert "response.function_call_arguments.done" in kinds
    assert "response.output_text.delta" not in kinds
    assert kinds[-1] == "response.completed"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [WEATHER, WEATHER]}, "tools[1].name"),
        ({"tool_choice": {"type": "function", "name": "time"}}, "tool_choice.name"),
        ({"model": "prism", "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_cannot_be_called_is_refused_by_name(
    calling: Live, fields: dict[str, Any], param: str
) -> None:
    response = calling.client.post("/v1/responses", json={**asked("x", **CALLING), **fields})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_functions_that_are_merely_offered_keep_no_question_from_its_answer(live: Live) -> None:
    function: Any = WEATHER
    with client_of(live) as client:
        response = client.responses.create(
            model="prism",
            input="How much is the deposit that the tenants pay?",
            tools=[{"type": "file_search", "vector_store_ids": []}, function],
            tool_choice="required",
        )
    assert [item.type for item in response.output] == ["file_search_call", "message"]
