"""``prismd mcp``: real processes, spoken to by the official client and by hand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from prismd.running import waiting
from tests.api.harness import LEASE
from tests.building import wait_until
from tests.cli.harness import COMMAND, Daemon, Place

_PATIENCE_S = 60
TRAIN_ASKED = "the train from Porto leaves"
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class Agent:
    """Speaks to the process by hand."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, message: dict[str, Any] | bytes) -> None:
        """Send one line."""
        assert self.process.stdin is not None
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        """The next line, which has to be a message."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.errors()
        return json.loads(line)

    def begin(self) -> Any:
        """Shake hands."""
        self.send(HELLO)
        answer = self.receive()
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def call(self, name: str, **given: Any) -> Any:
        """The result of a tool."""
        params = {"name": name, "arguments": given}
        self.send({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params})
        answer = self.receive()
        assert answer["id"] == 5
        return answer["result"]

    def errors(self) -> str:
        """What it wrote to standard error until its end."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@contextmanager
def speaking(place: Place, env: Mapping[str, str] | None = None) -> Iterator[Agent]:
    """A running ``prismd mcp``."""
    process = subprocess.Popen(
        [*COMMAND, "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=place.environment(env),
    )
    with process:
        try:
            yield Agent(process)
        finally:
            process.kill()


@asynccontextmanager
async def client_of(place: Place, mode: str) -> AsyncIterator[Client]:
    parameters = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "mcp"], env=place.environment()
    )
    async with Client(stdio_client(parameters), mode=mode) as client:
        yield client


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_official_client_asks_the_running_daemon(served: Daemon, mode: str) -> None:
    async def session() -> None:
        async with client_of(served.place, mode) as client:
            assert len((await client.list_tools()).tools) == 5
            status = (await client.call_tool("status", {})).structured_content
            assert status["running"] is True
            found = await client.call_tool("search", {"query": "deposit of the tenants"})
            first = found.structured_content["results"][0]
            assert first["snippet"] == LEASE[0]
            assert first["url"].startswith(served.url)
            answer = (await client.call_tool("ask", {"question": TRAIN_ASKED})).structured_content
            assert answer["grounding"] == "supported"
            read = {"id": answer["sources"][0]["citation_id"]}
            passage = (await client.call_tool("read_passage", read)).structured_content
            assert "09:47" in passage["quote"]

    asyncio.run(session())


def test_it_is_a_client_of_its_own_whose_requests_no_script_uses_up(place: Place) -> None:
    with place.daemon(env={"PRISMD_SERVER_REQUESTS_PER_MINUTE": "4"}) as daemon:
        while daemon.client.get("/status").is_success:
            pass
        with speaking(place) as agent:
            agent.begin()
            assert agent.call("status")["structuredContent"]["running"] is True


def test_without_a_daemon_the_index_itself_is_read(indexed: Place) -> None:
    with speaking(indexed) as agent:
        agent.begin()
        status = agent.call("status")["structuredContent"]
        assert status["running"] is False
        assert status["files"]["completed"] == 4
        [first] = agent.call("search", query="tenants deposit", limit=1)["structuredContent"][
            "results"
        ]
        assert first["snippet"] == LEASE[0]
        assert first["url"] == ""
        read = agent.call("read_passage", id=first["passage_id"])
        assert read["structuredContent"]["text"] == LEASE[0]
        answer = agent.call("ask", question=TRAIN_ASKED)
        assert answer["structuredContent"]["grounding"] == "supported"
        assert answer["structuredContent"]["sources"][0]["url"] == ""
        assert agent.process.stdin is not None
        agent.process.stdin.close()
        assert agent.process.wait(_PATIENCE_S) == 0
        assert "Traceback" not in agent.errors()


def test_where_nothing_was_indexed_a_tool_says_what_to_do(place: Place) -> None:
    with speaking(place) as agent:
        agent.begin()
        result = agent.call("search", query="anything")
        assert result["isError"]
        assert "prismd run FOLDER" in result["content"][0]["text"]
    assert not place.data_dir.exists() or not list(place.data_dir.glob("*.db"))


def test_while_the_daemon_waits_for_its_key_a_tool_says_so(indexed: Place) -> None:
    with waiting(indexed.data_dir) as tell, speaking(indexed) as agent:
        tell("the stick is not there")
        agent.begin()
        result = agent.call("search", query="anything")
        assert result["isError"]
        assert f"waiting for the key of the index (process {os.getpid()}" in str(result["content"])


def test_a_daemon_may_come_go_and_come_again(place: Place) -> None:
    place.write("a.txt", "The train from Porto to Lisbon leaves at 09:47.")
    place.run("index", place.folder)

    def finds(agent: Agent) -> bool:
        result = agent.call("search", query="train Porto", limit=1)
        assert not result.get("isError"), result
        return bool(result["structuredContent"]["results"])

    def running(agent: Agent) -> bool:
        return bool(agent.call("status")["structuredContent"]["running"])

    with speaking(place) as agent:
        agent.begin()
        assert not running(agent)
        assert finds(agent)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with place.daemon() as daemon:
                assert running(agent)
                assert finds(agent)
                daemon.process.send_signal(number)
                daemon.process.wait(_PATIENCE_S)
            assert finds(agent)
            assert not running(agent)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_whatever_it_waits_for(indexed: Place, number: signal.Signals) -> None:
    with speaking(indexed) as agent:
        agent.begin()
        assert not agent.call("status").get("isError")
        agent.process.send_signal(number)
        assert agent.process.wait(_PATIENCE_S) == 0
        assert agent.errors() == ""


def test_a_signal_ends_it_while_nobody_reads_what_it_says(indexed: Place) -> None:
    with speaking(indexed) as agent:
        agent.begin()
        for number in range(300):  # more than a pipe holds
            agent.send({"jsonrpc": "2.0", "id": number, "method": "tools/list"})
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(_PATIENCE_S) == 0


def test_it_ends_when_nobody_can_read_what_it_says(indexed: Place) -> None:
    with speaking(indexed) as agent:
        agent.begin()
        assert agent.process.stdout is not None
        agent.process.stdout.close()
        agent.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert agent.process.wait(_PATIENCE_S) == 0


def test_it_ends_with_its_input_even_before_a_word_was_said(indexed: Place) -> None:
    with speaking(indexed) as agent:
        assert agent.process.stdin is not None
        agent.process.stdin.close()
        assert agent.process.wait(_PATIENCE_S) == 0
        assert agent.process.stdout is not None
        assert agent.process.stdout.read() == b""


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "2.0", "method": "notifications/unheard"}',
        b'{"jsonrpc": "2.0", "id": 99, "result": {}}',
        b"[" * 100_000,
        b'"' + b"x" * (5 << 20) + b'"',
    ],
    ids=lambda line: str(line)[:40],
)
def test_what_is_no_message_is_passed_over(indexed: Place, line: bytes) -> None:
    with speaking(indexed) as agent:
        agent.send(line)
        assert agent.begin()["result"]["serverInfo"]["name"] == "prismd"
        agent.send(line)
        assert agent.call("status")["structuredContent"]["version"]


def test_an_unknown_method_is_an_error_of_the_protocol(indexed: Place) -> None:
    with speaking(indexed) as agent:
        agent.begin()
        agent.send({"jsonrpc": "2.0", "id": 1, "method": "files/delete"})
        assert agent.receive()["error"]["code"] == -32601


def test_standard_output_is_the_protocols_alone(indexed: Place, tmp_path: Path) -> None:
    # Something in the process that prints when the index is opened.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def note(event, given):\n"
        "    if event == 'import' and given[0] == 'prismd.daemon.assembly':\n"
        "        print('stray', flush=True)\n"
        "sys.addaudithook(note)\n"
    )
    path = os.pathsep.join([str(tmp_path), indexed.environment()["PYTHONPATH"]])
    with speaking(indexed, env={"PYTHONPATH": path}) as agent:
        agent.begin()
        assert agent.call("search", query="tenants")["content"]
        assert agent.process.stdin is not None
        agent.process.stdin.close()
        assert agent.process.stdout is not None
        assert agent.process.stdout.read() == b""
        assert "stray" in agent.errors()


def test_a_wrong_setting_ends_it_before_it_speaks(place: Place) -> None:
    place.config.write_text("[search]\nlimit = 'many'\n")
    with speaking(place) as agent:
        assert agent.process.wait(_PATIENCE_S) == 2
        assert agent.process.stdout is not None
        assert agent.process.stdout.read() == b""
        assert "limit" in agent.errors()


def test_a_session_over_http_does_not_keep_the_daemon_from_ending(place: Place) -> None:
    place.write("a.txt", "The train from Porto to Lisbon leaves at 09:47.")
    with place.daemon() as daemon:
        both = {"Accept": "application/json, text/event-stream"}
        begun = daemon.client.post("/mcp", json=HELLO, headers=both)
        headers = {"mcp-session-id": begun.headers["mcp-session-id"], **both}
        with daemon.client.stream("GET", "/mcp", headers=headers) as stream:
            assert stream.is_success
            daemon.process.send_signal(signal.SIGTERM)
            assert b"".join(stream.iter_bytes()).strip() in (b"", b": ping")
        wait_until(lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 0
    log = place.log.read_text()
    assert "Traceback" not in log
    assert "Cancel" not in log
