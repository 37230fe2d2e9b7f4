"""Everything together: the daemon as a process, and clients that mean well or ill."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from tests.building import wait_until
from tests.cli.harness import Daemon, Place
from tests.models.openai_server import OpenAIServer

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
TRAIN = "The train from Porto to Lisbon leaves at 09:47."


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon over the sample files, with a generator that repeats what it is told."""
    place = Place(tmp_path_factory.mktemp("serving"))
    place.write_sample()
    with place.daemon(env={"PRISMD_MODELS_GENERATION": "fake"}) as daemon:
        daemon.await_idle()
        yield daemon


def question(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "prism", "messages": [{"role": "user", "content": text}], **fields}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer prism-guessed"}, 401),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_strangers_and_pages_are_refused(
    daemon: Daemon, headers: dict[str, str], status: int
) -> None:
    token = {} if status == 401 else {"Authorization": daemon.client.headers["Authorization"]}
    for method, path in (("GET", "/status"), ("POST", "/v1/chat/completions"), ("GET", "/no")):
        answer = httpx.request(
            method, daemon.url + path, headers={**token, **headers}, timeout=60, trust_env=False
        )
        assert answer.status_code == status
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        "Host: 127.0.0.1:{port}\r\n",
        "Host: 127.0.0.1:{port}\r\nOrigin: https://page.example\r\nAuthorization: {token}\r\n",
        "Host: rebound.example\r\nAuthorization: {token}\r\n",
    ],
    ids=["no token", "foreign origin", "foreign host"],
)
def test_foreign_handshakes_are_refused(daemon: Daemon, headers: str) -> None:
    token = daemon.client.headers["Authorization"]
    sent = HANDSHAKE + headers.format(port=daemon.place.port, token=token) + "\r\n"
    with socket.create_connection(("127.0.0.1", daemon.place.port), timeout=30) as wire:
        wire.sendall(sent.encode())
        answer = wire.recv(65536).decode()
    assert re.match(r"HTTP/1.1 40[13] ", answer), answer


def test_the_official_client_is_served_by_the_real_process(daemon: Daemon) -> None:
    token = daemon.client.headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(api_key=token, base_url=f"{daemon.url}/v1") as client:
        asked: Any = question("the train from Porto leaves")
        whole = client.chat.completions.create(**asked)
        stream = client.chat.completions.create(**asked, stream=True)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    citations = whole.model_extra["prism"]["citations"]
    citation = next(citation for citation in citations if citation["quote"] == TRAIN)
    page = daemon.client.get(citation["url"])
    assert page.is_success
    assert "09:47" in page.text


def test_sixty_chats_at_once_are_answered_or_refused(daemon: Daemon) -> None:
    def ask(number: int) -> int:
        # Each client has a connection of its own, as sixty programs would.
        answer = httpx.post(
            f"{daemon.url}/v1/chat/completions",
            json=question("the train from Porto leaves", stream=bool(number % 2)),
            headers=dict(daemon.client.headers),
            timeout=60,
            trust_env=False,
        )
        return answer.status_code

    with ThreadPoolExecutor(60) as clients:
        statuses = Counter(clients.map(ask, range(60)))
    assert statuses.keys() <= {200, 429, 503}
    assert statuses[200] >= 8
    assert daemon.status()["state"] == "idle"


def test_a_stream_that_is_left_stops_the_engine_and_one_in_hand_stops_with_the_daemon(
    place: Place,
) -> None:
    place.write("a.txt", TRAIN)
    with OpenAIServer() as engine:
        engine.behaviour.hold = True
        variables = {"BASE_URL": engine.base_url, "MODEL": "held"}
        settings = {f"PRISMD_GENERATION_{name}": value for name, value in variables.items()}
        with place.daemon(env=settings) as daemon:
            daemon.await_idle()
            asked = question("the train from Porto leaves?", stream=True)
            with daemon.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
                assert answer.is_success
                wait_until(engine.arrived.is_set)
            wait_until(engine.hung_up.is_set)
            assert daemon.finds("train") == ["a.txt"]

            engine.arrived.clear()
            with daemon.client.stream("POST", "/v1/chat/completions", json=asked):
                wait_until(engine.arrived.is_set)
                assert daemon.stop() == 0
    log = place.log.read_text()
    assert log.splitlines()[-1].endswith("INFO stopped")
    assert "Traceback" not in log
