"""Answers whoever asks before there is an index to answer from: come again.

A socket that was handed over takes requests from before prismd can serve, and one that waits for
its key may wait for long. The answer is the same for all, and says nothing that is anybody's.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, ThreadingMixIn

import msgspec

from prismd.api.errors import envelope

log = logging.getLogger(__name__)

_RETRY_AFTER_S = 5
_CLIENT_S = 10.0
"""How long a client may take for its request."""
_POLL_S = 0.5
_MOST_BODY_BYTES = 1 << 20
"""What is read of a body, so that its sender comes to read the answer."""
_BODY = msgspec.json.encode(
    envelope(
        503,
        "prismd waits for the key of its index; 'prismd status' says why",
        code="waiting_for_key",
    )
)


@contextlib.contextmanager
def put_off(listener: socket.socket | None) -> Iterator[None]:
    """Answer 503 to every request for as long as the context lasts.

    Args:
        listener: Where they come in; whoever serves afterwards gets those that come later. None
            where nobody listens yet.
    """
    if listener is None:
        yield
        return
    before_s = listener.gettimeout()
    listener.setblocking(False)  # a client that went away again is not to be waited for
    server = _Server(listener)
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL_S,), name="prismd-put-off", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        listener.settimeout(before_s)


class _Server(ThreadingMixIn, BaseServer):
    """Serves on a socket that is there; leaves it open."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _Come)
        self._listener = listener

    def fileno(self) -> int:
        return self._listener.fileno()

    def get_request(self) -> tuple[socket.socket, object]:
        accepted, address = self._listener.accept()
        return accepted, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        request.close()

    def close_request(self, request: socket.socket) -> None:  # type: ignore[override]
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a client went away before it was told to come again")


class _Come(BaseHTTPRequestHandler):
    """One request, however it asks."""

    timeout = _CLIENT_S
    server_version, sys_version = "prismd", ""
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        """Read the head, and answer; there is nothing to be told apart."""
        if super().parse_request():
            self._answer()
        return False

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Expect", "").lower() != "100-continue" and length.isdecimal():
            self.rfile.read(min(int(length), _MOST_BODY_BYTES))
        self.close_connection = True
        self.send_response_only(503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_BODY)))
        self.send_header("Retry-After", str(_RETRY_AFTER_S))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(_BODY)

    def handle_expect_100(self) -> bool:
        """Let no body come."""
        return True

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: what is asked is the user's."""
