"""Agents and the real daemon, with an engine that can be seen to be stopped."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.building import wait_until
from tests.cli.harness import COMMAND, Daemon, Place
from tests.cli.test_mcp import speaking
from tests.models.openai_server import OpenAIServer

QUESTION = {"question": "the train from Porto leaves?"}
BOTH = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenAIServer]:
    """An engine that writes one word and waits until it is called off."""
    with OpenAIServer() as engine:
        engine.behaviour.hold = True
        yield engine


@pytest.fixture(scope="module")
def daemon(engine: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    place = Place(tmp_path_factory.mktemp("agents"))
    place.write("a.txt", "The train from Porto to Lisbon leaves at 09:47.")
    env = {"PRISMD_GENERATION_BASE_URL": engine.base_url, "PRISMD_GENERATION_MODEL": "held"}
    with place.daemon(env=env) as daemon:
        daemon.await_idle()
        yield daemon


@pytest.fixture
def engine_at_rest(engine: OpenAIServer) -> OpenAIServer:
    """The engine, asked for nothing yet."""
    engine.arrived.clear()
    engine.hung_up.clear()
    return engine


@asynccontextmanager
async def agent(daemon: Daemon, transport: str, mode: str) -> AsyncIterator[Client]:
    if transport == "stdio":
        environment = daemon.place.environment()
        parameters = StdioServerParameters(
            command=COMMAND[0], args=[*COMMAND[1:], "mcp"], env=environment
        )
        async with Client(stdio_client(parameters), mode=mode) as client:
            yield client
        return
    headers = {"Authorization": str(daemon.client.headers["Authorization"])}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        streams = streamable_http_client(f"{daemon.url}/mcp", http_client=http)
        async with Client(streams, mode=mode) as client:
            yield client


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_question_that_is_called_off_stops_the_engine(
    daemon: Daemon, engine_at_rest: OpenAIServer, transport: str, mode: str
) -> None:
    async def session() -> None:
        async with agent(daemon, transport, mode) as client:
            asked = asyncio.ensure_future(client.call_tool("ask", QUESTION))
            await asyncio.to_thread(wait_until, engine_at_rest.arrived.is_set)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            await asyncio.to_thread(wait_until, engine_at_rest.hung_up.is_set)
            found = await client.call_tool("search", {"query": "train"})
            assert found.structured_content["results"]

    asyncio.run(session())


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_an_agent_that_leaves_in_the_middle_stops_the_engine(
    daemon: Daemon, engine_at_rest: OpenAIServer, transport: str
) -> None:
    async def session() -> None:
        async with agent(daemon, transport, "legacy") as client:
            asked = asyncio.ensure_future(client.call_tool("ask", QUESTION))
            await asyncio.to_thread(wait_until, engine_at_rest.arrived.is_set)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    asyncio.run(session())
    wait_until(engine_at_rest.hung_up.is_set)


def test_a_connection_that_breaks_in_the_middle_stops_the_engine(
    daemon: Daemon, engine_at_rest: OpenAIServer
) -> None:
    def message(method: str, **params: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}

    about = {"name": "test", "version": "1"}
    hello = message("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=about)
    with httpx.Client(
        base_url=daemon.url, headers={**daemon.client.headers, **BOTH}, trust_env=False, timeout=60
    ) as client:
        begun = client.post("/mcp", json=hello)
        headers = {"mcp-session-id": begun.headers["mcp-session-id"]}
        asked = message("tools/call", name="ask", arguments=QUESTION)
        with client.stream("POST", "/mcp", json=asked, headers=headers) as stream:
            assert stream.is_success
            wait_until(engine_at_rest.arrived.is_set)
        wait_until(engine_at_rest.hung_up.is_set)
        status = message("tools/call", name="status", arguments={})
        answer = client.post("/mcp", json=status, headers=headers)
        data = next(line for line in answer.text.splitlines() if line.startswith("data: {"))
        assert json.loads(data.removeprefix("data: "))["result"]["structuredContent"]["running"]
    log = daemon.place.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, None], ids=["signal", "end of input"])
def test_an_answer_from_the_index_itself_does_not_keep_the_process(
    place: Place, engine_at_rest: OpenAIServer, number: signal.Signals | None
) -> None:
    place.write("a.txt", "The train from Porto to Lisbon leaves at 09:47.")
    place.run("index", place.folder)
    place.config.write_text(
        f'{place.config.read_text()}\n[generation]\nbase_url = "{engine_at_rest.base_url}"\n'
        'model = "held"\n'
    )
    with speaking(place) as agent:
        agent.begin()
        params = {"name": "ask", "arguments": QUESTION}
        agent.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        wait_until(engine_at_rest.arrived.is_set)
        if number is None:
            assert agent.process.stdin is not None
            agent.process.stdin.close()
        else:
            agent.process.send_signal(number)
        assert agent.process.wait(60) == 0
        wait_until(engine_at_rest.hung_up.is_set)
        assert agent.errors() == ""
