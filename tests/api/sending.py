"""Forms with files, as clients send them, and as none should."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from prismd.store.check import check
from tests.api.harness import TOKEN, Live, live_server

BOUNDARY = "prismd-test-boundary"
LIMIT_BYTES = 3_000_000
NAMED = b'name="file"; filename="%s"'


@contextmanager
def taking_uploads(folder: Path) -> Iterator[Live]:
    """A server that takes small uploads, whose index is in order in the end."""
    with live_server(folder, sample=False, max_upload_bytes=LIMIT_BYTES) as live:
        yield live
        assert check(live.stack.database, repair=False) == []


def send(live: Live, name: str, content: bytes, **query: Any) -> httpx.Response:
    """Upload a file."""
    return live.client.post("/upload", files={"file": (name, content)}, params=query)


def take(live: Live, name: str, content: bytes) -> dict[str, Any]:
    """Upload a file, and wait until it has been read."""
    response = send(live, name, content, wait_s=60)
    assert response.status_code == 200, response.text
    uploaded: dict[str, Any] = response.json()
    return uploaded


def part(disposition: bytes, content: bytes) -> bytes:
    """One field of a form, its header as it is given."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode()
    return head + disposition + b"\r\n\r\n" + content + b"\r\n"


def raw_form(live: Live, *parts: bytes, end: bool = True, headers: str = "") -> bytes:
    """A request with a form of these parts, byte for byte."""
    body = b"".join(parts) + (f"--{BOUNDARY}--\r\n".encode() if end else b"")
    return request_head(live, len(body), headers) + body


def request_head(live: Live, length: int, headers: str = "") -> bytes:
    """The head of an upload whose body has a length."""
    return (
        f"POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n{headers}"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()


def connect(live: Live) -> socket.socket:
    """A connection that nobody has sent anything by."""
    return socket.create_connection(("127.0.0.1", live.settings.port), timeout=30)


def count(live: Live, table: str) -> int:
    """The rows of a table."""
    sql = f"SELECT count(*) FROM {table}"
    return int(live.stack.database.read(lambda c: c.execute(sql).get))


def counts(live: Live) -> tuple[int, int, int]:
    """Files, uploads and pieces of them."""
    return count(live, "files"), count(live, "uploads"), count(live, "upload_pieces")


def status_of(response: bytes) -> int:
    """The status of an answer, as it came."""
    return int(response.split(b" ", 2)[1])


def padded(content: bytes, size_bytes: int) -> bytes:
    """A file with much behind its end, which takes no time to read."""
    return content + bytes(size_bytes - len(content))
