"""Chats under load, chats whose client goes away, chats that fail half way."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from prismd.models.fake import FakeGenerator
from tests.api.harness import LEASE, TOKEN, Live, ask, events, live_server, wait_until

QUESTION = "How much is the deposit that the tenants pay?"
LONG = " ".join(["deposit"] * 2000)


def open_chat(live: Live, body: dict[str, object]) -> socket.socket:
    """A connection that has sent a chat request and reads nothing."""
    content = msgspec.json.encode(body)
    wire = socket.create_connection(("127.0.0.1", live.settings.port), timeout=30)
    wire.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n".encode()
        + content
    )
    return wire


def test_two_hundred_chats_at_once_are_answered_or_refused(tmp_path: Path) -> None:
    async def chat(client: httpx.AsyncClient, number: int) -> tuple[int, bool]:
        body = ask(QUESTION, stream=number % 2 == 0)
        response = await client.post("/v1/chat/completions", json=body)
        if response.status_code == 429:
            return 429, int(response.headers["retry-after"]) > 0 and "error" in response.json()
        complete = "[DONE]" in response.text if body["stream"] else LEASE[0] in response.text
        return response.status_code, complete

    async def storm(live: Live) -> list[tuple[int, bool]]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(
            base_url=live.url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=120,
            limits=limits,
        ) as client:
            return await asyncio.gather(*(chat(client, number) for number in range(200)))

    generator = FakeGenerator(echo=LEASE[0], delay_s=0.01)
    with live_server(tmp_path, generator=generator) as live:
        found = asyncio.run(storm(live))
        statuses = Counter(status for status, _ in found)
        assert set(statuses) <= {200, 429, 503}
        assert statuses[200] >= live.settings.max_concurrent_chats
        assert statuses[429] > 0
        assert all(good for _, good in found)
        # And it goes on as if nothing had been.
        assert live.client.post("/v1/chat/completions", json=ask(QUESTION)).status_code == 200


def test_who_waits_too_long_is_told_to_come_back(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    options: dict[str, Any] = {
        "max_concurrent_chats": 1,
        "max_waiting_chats": 1,
        "chat_wait_s": 0.05,
    }
    with live_server(tmp_path, generator=generator, **options) as live:
        with open_chat(live, ask("x", model="prism-raw")):
            wait_until(generator.turn.locked)
            response = live.client.post("/v1/chat/completions", json=ask(QUESTION))
        assert response.status_code == 429
        assert response.json()["error"]["type"] == "rate_limit_error"
        assert response.headers["retry-after"]


@pytest.mark.parametrize("model", ["prism", "prism-raw"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_stops_the_generator(
    tmp_path: Path, model: str, stream: bool
) -> None:
    # Its first word would take a minute: nothing but an interruption can end it.
    generator = FakeGenerator(echo=LONG, delay_s=60)
    with live_server(tmp_path, generator=generator) as live:
        wire = open_chat(live, ask(QUESTION, model=model, stream=stream))
        wait_until(generator.turn.locked)
        wire.close()
        wait_until(lambda: generator.closed == 1)
        wait_until(lambda: not generator.turn.locked())


def test_a_client_that_goes_away_in_the_middle_stops_the_generator(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=0.2)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        with open_chat(live, ask(QUESTION, model="prism-raw", stream=True)) as wire:
            received = b""
            while b'"content":"deposit"' not in received:
                received += wire.recv(4096)
        wait_until(lambda: generator.closed == 1)


def test_who_waits_for_a_turn_and_goes_away_leaves_the_queue(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    options: dict[str, Any] = {"max_concurrent_chats": 1, "max_waiting_chats": 1}
    with live_server(tmp_path, generator=generator, **options) as live:
        busy = open_chat(live, ask("x", model="prism-raw"))
        wait_until(generator.turn.locked)
        waiting = open_chat(live, ask("y", model="prism-raw"))
        gate = live.app.state.api.gate
        wait_until(lambda: gate.waiting == 1)
        waiting.close()
        wait_until(lambda: gate.waiting == 0)
        busy.close()
        generator.delay_s = 0
        assert live.client.post("/v1/chat/completions", json=ask(QUESTION)).status_code == 200


def test_a_failure_half_way_is_told_in_the_stream(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, fail_after=5)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        body = ask(QUESTION, model="prism-raw", stream=True)
        with live.client.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.status_code == 200
            found = events(response)
    assert found[-1]["error"]["code"] == "model_unavailable"
    assert "failed as it was told to" in found[-1]["error"]["message"]
    assert "[DONE]" not in found
    assert all(event["choices"][0]["finish_reason"] is None for event in found[:-1])


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_word_has_its_own_status(tmp_path: Path, stream: bool) -> None:
    generator = FakeGenerator(fail_after=0)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        body = ask(QUESTION, model="prism-raw", stream=stream)
        response = live.client.post("/v1/chat/completions", json=body)
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "model_unavailable"


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_takes_too_long_is_given_up(tmp_path: Path, stream: bool) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    # Long enough for the generator to have begun.
    with live_server(tmp_path, sample=False, generator=generator, request_timeout_s=2.0) as live:
        body = ask(QUESTION, model="prism-raw", stream=stream)
        response = live.client.post("/v1/chat/completions", json=body)
        assert response.status_code == 504
        assert "request_timeout_s" in response.json()["error"]["message"]
        wait_until(lambda: generator.closed == 1)


def test_a_silent_stream_is_kept_alive_by_comments(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    with live_server(tmp_path, sample=False, generator=generator, heartbeat_s=0.05) as live:
        body = ask(QUESTION, model="prism-raw", stream=True)
        with live.client.stream("POST", "/v1/chat/completions", json=body) as response:
            lines = response.iter_lines()
            assert any(line.startswith(": ") for line in lines)
        wait_until(lambda: generator.closed == 1)


def test_stopping_the_server_stops_its_answers(tmp_path: Path) -> None:
    generator = FakeGenerator(echo=LONG, delay_s=60)
    with live_server(tmp_path, sample=False, generator=generator) as live:
        wire = open_chat(live, ask(QUESTION, model="prism-raw", stream=True))
        wait_until(generator.turn.locked)
    wire.close()
    wait_until(lambda: generator.closed == 1)


def test_a_body_beyond_the_limit_is_refused(live: Live) -> None:
    body = ask("x" * (5 << 20))
    response = live.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"


def test_a_body_in_chunks_counts_as_well(live: Live) -> None:
    response = live.client.post(
        "/v1/chat/completions",
        content=(b" " * (1 << 20) for _ in range(48)),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 413
