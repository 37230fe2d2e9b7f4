"""Care that every client of OpenAI's protocol relies on, whatever it asks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from types import ModuleType, NoneType
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.routes import HTTPRoute
from msgspec.inspect import StructType, type_info

from prismd.api import wire as own_wire
from prismd.api.body import decode
from prismd.api.openai import wire
from prismd.api.openai.sampling import sampling_of
from prismd.models.base import Sampling
from prismd.models.fake import FakeGenerator
from tests.api.harness import LEASE, TOKEN, Live, ask, events, live_server

OPTIONAL = [
    field.encode_name for field in msgspec.structs.fields(wire.ChatRequest) if not field.required
]
QUESTION = "How much is the deposit that the tenants pay?"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose generator says what it is told."""
    with live_server(
        tmp_path_factory.mktemp("raw"), sample=False, generator=FakeGenerator()
    ) as live:
        yield live


def structs_of(module: ModuleType) -> list[type[msgspec.Struct]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    ]


def takes_null(type_: Any) -> bool:
    if isinstance(type_, msgspec.inspect.UnionType):
        return any(takes_null(one) for one in type_.types)
    if isinstance(type_, msgspec.inspect.Metadata):
        return takes_null(type_.type)
    return isinstance(type_, msgspec.inspect.NoneType | msgspec.inspect.AnyType)


@pytest.mark.parametrize("struct", structs_of(wire) + structs_of(own_wire))
def test_every_optional_field_of_a_request_takes_null(struct: type[msgspec.Struct]) -> None:
    if "Request" not in struct.__name__ and struct.__module__ == own_wire.__name__:
        pytest.skip("is sent, not received")
    described = type_info(struct)
    assert isinstance(described, StructType)
    refusing = [
        field.encode_name
        for field in described.fields
        if not field.required and not takes_null(field.type)
    ]
    assert refusing == []


@given(st.sets(st.sampled_from(OPTIONAL)))
def test_null_is_as_good_as_not_given(names: set[str]) -> None:
    body = {**ask("x"), **dict.fromkeys(names)}
    assert decode(msgspec.json.encode(body), wire.ChatRequest) == decode(
        msgspec.json.encode(ask("x")), wire.ChatRequest
    )


@given(names=st.sets(st.sampled_from(OPTIONAL), min_size=1))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_request_full_of_nulls_is_answered(raw: Live, names: set[str]) -> None:
    body = {**ask("hello", model="prism-raw"), **dict.fromkeys(names)}
    reply = raw.client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"] == "hello"


def test_unknown_fields_are_ignored_at_every_depth(raw: Live) -> None:
    more: dict[str, Any] = {"made_up": {"a": [1]}, "x-own": None}
    function = {"name": "ring", **more}
    body = {
        "model": "prism-raw",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", **more}], **more}],
        "tools": [{"type": "function", "function": function, **more}],
        "response_format": {"type": "text", **more},
        "stream_options": {"include_usage": False, "include_obfuscation": False, **more},
        "reasoning_effort": "low",
        "service_tier": "auto",
        "web_search_options": {},
        "logit_bias": {},
        **more,
    }
    reply = raw.client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text


def test_openais_endpoints_are_there_with_and_without_the_prefix(live: Live) -> None:
    methods = {
        route.path: set(route.methods) for route in live.app.routes if isinstance(route, HTTPRoute)
    }
    prefixed = [path for path in methods if path.startswith("/v1/")]
    assert "/v1/chat/completions" in prefixed
    for path in prefixed:
        assert methods[path] <= methods.get(path.removeprefix("/v1"), set()), path


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_both_addresses_answer_alike(live: Live, prefix: str) -> None:
    reply = live.client.post(f"{prefix}/chat/completions", json=ask(QUESTION))
    assert reply.json()["choices"][0]["message"]["content"].startswith(LEASE[0])
    assert live.client.get(f"{prefix}/models").json()["object"] == "list"


@pytest.mark.parametrize("length", [1, 2])
def test_the_stream_ends_with_its_reason(raw: Live, length: int) -> None:
    body = ask("one two", model="prism-raw", stream=True, max_tokens=length)
    with raw.client.stream("POST", "/v1/chat/completions", json=body) as response:
        *found, done = events(response)
    assert done == "[DONE]"
    reasons = [event["choices"][0]["finish_reason"] for event in found]
    assert reasons[:-1] == [None] * (len(found) - 1)
    assert reasons[-1] == ("length" if length == 1 else "stop")
    assert len({event["id"] for event in found}) == 1
    assert all("content" in event["choices"][0]["delta"] for event in found)


def test_connections_are_kept_under_load(raw: Live) -> None:
    async def load() -> tuple[int, list[int]]:
        opened = 0

        async def trace(event: str, info: dict[str, Any]) -> None:
            nonlocal opened
            opened += event == "connection.connect_tcp.complete"

        async def one(client: httpx.AsyncClient, number: int) -> int:
            body = ask(f"hello {number}", model="prism-raw", stream=number % 3 == 0)
            path = "/v1/chat/completions" if number % 5 else "/v1/nothing"
            reply = await client.post(path, json=body, extensions={"trace": trace})
            told = f"hello {number}" in reply.text or reply.status_code == 404 or body["stream"]
            return reply.status_code if told else 0

        async def in_turn(client: httpx.AsyncClient, first: int) -> list[int]:
            return [await one(client, number) for number in range(first, 200, 5)]

        limits = httpx.Limits(max_connections=5, max_keepalive_connections=5)
        async with httpx.AsyncClient(
            base_url=raw.url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=60,
            limits=limits,
        ) as client:
            statuses = await asyncio.gather(*(in_turn(client, first) for first in range(5)))
        return opened, [status for some in statuses for status in some]

    opened, statuses = asyncio.run(load())
    assert len(statuses) == 200
    assert set(statuses) == {200, 404}
    assert opened == 5


def test_how_to_write_is_taken_from_the_request() -> None:
    defaults = Sampling(max_tokens=7, temperature=0.5)
    assert sampling_of(wire.ChatRequest("m", []), defaults) == defaults
    request = wire.ChatRequest(
        "m", [], max_tokens=5, temperature=0, top_p=0.5, seed=-3, stop=["a", "", "b"]
    )
    wanted = Sampling(max_tokens=5, temperature=0, top_p=0.5, seed=-3, stop=("a", "b"))
    assert sampling_of(request, defaults) == wanted
    newer = wire.ChatRequest("m", [], max_tokens=5, max_completion_tokens=6, stop="x")
    assert sampling_of(newer, defaults).max_tokens == 6
    assert sampling_of(newer, defaults).stop == ("x",)


def test_no_field_is_null_alone() -> None:
    assert takes_null(type_info(int | None))
    assert not takes_null(type_info(int))
    assert takes_null(type_info(NoneType))
