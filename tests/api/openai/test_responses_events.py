"""The events of streamed responses, held against the official client's own types."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from prismd.api.openai.completion import Found, Item, Reply, Usage
from prismd.api.openai.responses.shape import Frame, frame_of
from prismd.api.openai.responses.telling import ResponseTelling
from prismd.api.openai.responses.wire import ResponsesRequest, ToolOption
from prismd.errors import ModelError, RequestError
from prismd.models.base import Sampling, ToolCall
from prismd.models.fake import FakeGenerator
from tests.api.harness import LEASE, TOKEN, Live, live_server, wait_until
from tests.api.openai.official import client_of
from tests.api.openai.test_responses import DEPOSIT, asked

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
LONG = " ".join(["deposit"] * 2000)
SEARCHING = {
    "tools": [{"type": "file_search", "vector_store_ids": []}],
    "include": ["file_search_call.results"],
}


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a generator, which says what the lease says."""
    generator = FakeGenerator(echo=LEASE[0])
    with live_server(tmp_path_factory.mktemp("writing"), generator=generator) as live:
        yield live


def read(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The events of a stream, each of which is found to be what its line says, and valid."""
    found: list[dict[str, Any]] = []
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            event = msgspec.json.decode(value)
            EVENT.validate_python(event, strict=True)
            assert event["type"] == name
            assert event["sequence_number"] == len(found)
            found.append(event)
    return found


def streamed(live: Live, body: dict[str, Any]) -> list[dict[str, Any]]:
    with live.client.stream("POST", "/v1/responses", json={**body, "stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return read(response.iter_lines())


def rebuilt(events: list[dict[str, Any]]) -> list[Any]:
    """The output as a client puts it together, event by event."""
    items: list[Any] = []
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert event["output_index"] == len(items)
            items.append(event["item"])
        elif "output_index" in event:
            item = items[event["output_index"]]
            assert item["id"] == event.get("item_id", event.get("item", item)["id"])
            if kind == "output_item.done":
                items[event["output_index"]] = event["item"]
            elif "content_index" in event:
                build_part(item["content"], kind, event)
            elif kind == "function_call_arguments.delta":
                item["arguments"] += event["delta"]
            elif kind == "function_call_arguments.done":
                assert item["arguments"] == event["arguments"]
    return items


def build_part(content: list[Any], kind: str, event: dict[str, Any]) -> None:
    """Bring a message's part to what an event says of it."""
    at = event["content_index"]
    if kind == "content_part.added":
        assert at == len(content)
        content.append(event["part"])
    elif kind == "output_text.delta":
        content[at]["text"] += event["delta"]
    elif kind == "output_text.annotation.added":
        assert event["annotation_index"] == len(content[at]["annotations"])
        content[at]["annotations"].append(event["annotation"])
    elif kind == "output_text.done":
        assert content[at]["text"] == event["text"]
    elif kind == "content_part.done":
        assert content[at] == event["part"]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """What the events are, deltas and annotations once each."""
    found = [event["type"].removeprefix("response.") for event in events]
    return [kind for at, kind in enumerate(found) if at == 0 or found[at - 1] != kind]


MESSAGE = ["output_item.added", "content_part.added", "output_text.delta"]
MESSAGE_END = ["output_text.done", "content_part.done", "output_item.done"]


@pytest.mark.parametrize("engine", ["extractive", "generative"])
def test_the_events_of_a_cited_answer(writing: Live, engine: str) -> None:
    body = asked(prism={"engine": engine})
    events = streamed(writing, body)
    annotated = ["output_text.annotation.added"]
    expected = ["created", "in_progress", *MESSAGE, *annotated, *MESSAGE_END, "completed"]
    assert kinds(events) == expected
    last = events[-1]["response"]
    assert rebuilt(events) == last["output"]
    assert last["status"] == "completed"
    assert events[0]["response"]["status"] == "in_progress"
    assert events[0]["response"]["output"] == []
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    whole = writing.client.post("/v1/responses", json=body).json()
    assert whole["output"][0]["content"] == last["output"][0]["content"]
    assert whole["prism"]["citations"] == last["prism"]["citations"]
    assert whole.keys() == last.keys()


def test_a_search_is_told_where_it_was_asked_for(writing: Live) -> None:
    events = streamed(writing, asked(**SEARCHING))
    told = kinds(events)
    assert told[2:6] == [
        "output_item.added",
        "file_search_call.in_progress",
        "file_search_call.searching",
        "file_search_call.completed",
    ]
    search, message = events[-1]["response"]["output"]
    assert rebuilt(events) == [search, message]
    assert search["type"] == "file_search_call"
    assert search["queries"] == [DEPOSIT]
    first = search["results"][0]
    assert (first["filename"], first["text"]) == ("Lease.pdf", LEASE[0])
    assert 0 <= first["score"] <= 1
    without = streamed(writing, asked(tools=SEARCHING["tools"]))
    assert without[-1]["response"]["output"][0]["results"] is None


def test_the_bare_generator_streams_and_is_cut(writing: Live) -> None:
    body = asked("x", model="prism-raw", max_output_tokens=3, include=SEARCHING["include"])
    events = streamed(writing, body)
    assert kinds(events) == ["created", "in_progress", *MESSAGE, *MESSAGE_END, "incomplete"]
    last = events[-1]["response"]
    assert rebuilt(events) == last["output"]
    assert last["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["output"][0]["content"][0]["text"] == "The tenants pay"


def test_the_clients_own_stream_gathers_the_response(live: Live) -> None:
    with (
        client_of(live) as client,
        client.responses.stream(model="prism", input=DEPOSIT, extra_body=SEARCHING) as stream,
    ):
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        response = stream.get_final_response()
    assert text == response.output_text
    assert text.startswith(LEASE[0])
    assert [item.type for item in response.output] == ["file_search_call", "message"]


def test_the_asynchronous_clients_own_stream(live: Live) -> None:
    async def gather() -> Any:
        transport = openai.DefaultAsyncHttpxClient(trust_env=False, timeout=60)
        async with (
            openai.AsyncOpenAI(base_url=live.url, api_key=TOKEN, http_client=transport) as client,
            client.responses.stream(model="prism", input=DEPOSIT) as stream,
        ):
            return await stream.get_final_response()

    assert asyncio.run(gather()).output_text.startswith(LEASE[0])


def frame(*, searches: bool = False) -> Frame:
    tools = [ToolOption("file_search")] if searches else []
    request = ResponsesRequest(model="prism-raw", input="x", tools=tools)
    return frame_of(request, f"resp_{'0' * 32}", 1, Sampling(), keep=False, cited=searches)


def told(items: Iterable[Item], *, searches: bool = False) -> list[dict[str, Any]]:
    telling = ResponseTelling(frame(searches=searches))
    pieces = [*telling.begin(), *(piece for item in items for piece in telling.item(item))]
    return read(b"".join(pieces).decode().splitlines())


CALLS = (ToolCall("call_1", "weather", '{"in":"Porto"}'), ToolCall("call_2", "time", "{}"))


@pytest.mark.parametrize("text", ["", "Let me see."])
def test_calls_of_functions_are_items_of_their_own(text: str) -> None:
    reply = Reply(text, "tool_calls", Usage(1, 2, 3), tool_calls=CALLS)
    events = told([*([text] if text else []), *CALLS, reply])
    calling = ["function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    said = [*MESSAGE, *MESSAGE_END] if text else []
    call = ["output_item.added", *calling]
    assert kinds(events) == ["created", "in_progress", *said, *call, *call, "completed"]
    output = events[-1]["response"]["output"]
    assert rebuilt(events) == output
    calls = [item for item in output if item["type"] == "function_call"]
    assert [(c["call_id"], c["name"], c["arguments"]) for c in calls] == [
        (call.id, call.name, call.arguments) for call in CALLS
    ]
    whole = msgspec.json.encode(ResponseTelling(frame()).whole(reply))
    assert msgspec.json.decode(whole) == events[-1]["response"]


def test_an_answer_without_a_word_is_an_empty_message() -> None:
    events = told([Reply("", "stop", Usage(1, 0, 1), found=Found("", ()))], searches=True)
    search, message = events[-1]["response"]["output"]
    assert rebuilt(events) == [search, message]
    assert search["queries"] == []
    assert message["content"] == [
        {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelError("the model fell over; choose another"), "server_error"),
        (RequestError("too long", code="too_long"), "invalid_prompt"),
        (RequestError("wait", status=429), "rate_limit_exceeded"),
        (ValueError("unforeseen"), "server_error"),
    ],
)
def test_a_failure_is_told_twice_for_those_that_look_and_those_that_raise(
    error: Exception, code: str
) -> None:
    telling = ResponseTelling(frame())
    pieces = [*telling.begin(), *telling.item("Some"), *telling.failure(error)]
    failed, last = read(b"".join(pieces).decode().splitlines())[-2:]
    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["code"] == code
    assert last["type"] == "error"
    assert last["message"] == last["error"]["message"] == failed["response"]["error"]["message"]
    assert "unforeseen" not in last["message"]


def test_a_failure_half_way_raises_in_the_client(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, fail_after=5)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        seen: list[str] = []
        with client_of(live) as client, pytest.raises(openai.APIError, match="as it was told to"):
            for event in client.responses.create(model="prism-raw", input="x", stream=True):
                seen.append(event.type)
        assert seen[-2:] == ["response.output_text.delta", "response.failed"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_word_has_its_own_status(tmp_path: Path, stream: bool) -> None:
    generator = FakeGenerator(fail_after=0)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        body = asked("x", model="prism-raw", stream=stream)
        response = live.client.post("/v1/responses", json=body)
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "model_unavailable"


def test_a_silent_stream_is_kept_alive_by_comments(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    with live_server(tmp_path, sample=False, generator=generator, heartbeat_s=0.05) as live:
        body = asked("x", model="prism-raw", stream=True)
        with live.client.stream("POST", "/v1/responses", json=body) as response:
            assert any(line.startswith(": ") for line in response.iter_lines())
        wait_until(lambda: generator.closed == 1)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_stops_the_generator(tmp_path: Path, stream: bool) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        content = msgspec.json.encode(asked("x", model="prism-raw", stream=stream))
        wire = socket.create_connection(("127.0.0.1", live.settings.port), timeout=30)
        wire.sendall(
            f"POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        wait_until(generator.turn.locked)
        wire.close()
        wait_until(lambda: generator.closed == 1)


def test_a_stream_that_is_left_half_way_stops_the_generator(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=0.2)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        body = asked("x", model="prism-raw", stream=True)
        with (
            httpx.Client(
                base_url=live.url, headers=live.client.headers, trust_env=False, timeout=60
            ) as client,
            client.stream("POST", "/v1/responses", json=body) as response,
        ):
            assert any("output_text.delta" in line for line in response.iter_lines())
        wait_until(lambda: generator.closed == 1)
        kept = "SELECT count(*) FROM responses"
        assert live.stack.database.read(lambda c: c.execute(kept).get) == 0
