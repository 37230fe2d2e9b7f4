"""What the last answers cited is asked for again, whatever was the answer before."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from prismd.errors import PrismdError
from prismd.tray import lately
from prismd.tray.cited import Cited
from prismd.tray.lately import Lately
from tests.building import wait_until

LEASE = {
    "citation_id": "a1",
    "path": "/d/lease.pdf",
    "locator": {"kind": "page", "page": 3},
}
TOLD = (Cited("a1", "/d/lease.pdf", "page 3"),)


class Answering(BaseHTTPRequestHandler):
    """Gives whatever it is to give."""

    status = 200
    body = b""

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on standard error."""


class Asked:
    """What is asked of a server, and what is told of its answers."""

    def __init__(self, url: str) -> None:
        self.told: list[tuple[Cited, ...]] = []
        self._url = url
        self._lately = Lately(self._reach, self.told.append)
        self._lately.start()

    def look(self) -> tuple[Cited, ...]:
        """Ask, and wait until something is told of it."""
        before = len(self.told)
        self._lately.look()
        wait_until(lambda: len(self.told) > before)
        return self.told[-1]

    @contextmanager
    def _reach(self) -> Iterator[httpx.Client]:
        if not self._url:
            raise PrismdError("no prismd is running")
        with httpx.Client(base_url=self._url, trust_env=False) as client:
            yield client

    def lose(self, url: str = "") -> str:
        """Have it reach another address, or none; gives the one before."""
        before, self._url = self._url, url
        return before


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    monkeypatch.setattr(lately, "_REST_S", 0.0)
    monkeypatch.setattr(Answering, "status", 200)
    monkeypatch.setattr(Answering, "body", json.dumps({"data": [LEASE]}).encode())
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Asked(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"error": {"message": "it failed"}}'),
        (401, b'{"data": []}'),
        (200, b""),
        (200, b"<html>"),
        (200, b"\xff"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"data": null}'),
        (200, b'{"data": [7]}'),
        (200, b'{"data": [{"citation_id": "a1", "path": "/d/lease.pdf"}]}'),
        (200, b'{"data": [{"citation_id": "a1", "path": "/d/x", "locator": {"kind": "?"}}]}'),
    ],
)
def test_after_an_answer_that_is_none_the_next_one_is_told(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Answering, "status", status)
        broken.setattr(Answering, "body", body)
        assert asked.look() == ()
    assert asked.look() == TOLD


def test_a_daemon_that_went_is_asked_again_when_it_is_back(asked: Asked, free_port: int) -> None:
    url = asked.lose()
    assert asked.look() == ()
    asked.lose(f"http://127.0.0.1:{free_port}")
    assert asked.look() == ()
    asked.lose(url)
    assert asked.look() == TOLD
