"""A foreign web page, and a server without any guard to show that what it tries would work."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.building import picture, recording

ATTACKS = Path(__file__).with_name("attacks.js")
PAGE = "<!doctype html><title>Win a prize</title><body><script src='/attacks.js'></script>"
SECRET = "what the user's files say"
_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answered(self, media_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a whole response."""
        self.send_response(200)
        for name, value in {"Content-Type": media_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Foreign(_Handler):
    def do_GET(self) -> None:
        if self.path == "/attacks.js":
            self.answered("text/javascript", ATTACKS.read_bytes())
        else:
            self.answered("text/html", PAGE.encode())


class _Unguarded(_Handler):
    """Gives everybody what they want, and counts what they change."""

    def do_GET(self) -> None:
        if "Upgrade" in self.headers:
            self._shake_hands()
            return
        kind = self.headers.get("Sec-Fetch-Dest", "")
        media_type, body = {
            "image": ("image/png", picture("red")),
            "script": ("text/javascript", b"export default 1;"),
            "style": ("text/css", b"p { color: red }"),
            "audio": ("audio/wav", recording()),
            "video": ("audio/wav", recording()),
        }.get(kind, ("text/html", SECRET.encode()))
        if kind == "script" and self.headers["Sec-Fetch-Mode"] != "cors":
            body = b"1;"  # no module
        if "event-stream" in self.headers.get("Accept", ""):
            media_type, body = "text/event-stream", b"data: secret\n\n"
        self.answered(media_type, body, self._permission())

    def do_OPTIONS(self) -> None:
        self.answered("text/plain", b"", self._permission())

    def _changed(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert isinstance(self.server, UnguardedServer)
        how = self.headers.get("Content-Type", "").partition(";")[0]
        self.server.changes.add((self.command, self.path, how))
        self.answered("text/html", SECRET.encode(), self._permission())

    do_POST = do_PUT = do_PATCH = do_DELETE = _changed

    def _permission(self) -> dict[str, str]:
        return {
            "Access-Control-Allow-Origin": self.headers.get("Origin", "*"),
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
            "Access-Control-Allow-Headers": "content-type",
        }

    def _shake_hands(self) -> None:
        key = (self.headers["Sec-WebSocket-Key"] + _WEBSOCKET).encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        digest = hashlib.sha1(key, usedforsecurity=False).digest()
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        if protocol := self.headers.get("Sec-WebSocket-Protocol"):
            self.send_header("Sec-WebSocket-Protocol", protocol)
        self.end_headers()
        self.close_connection = True


class ForeignServer(_Server):
    """Serves the foreign page on every path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Foreign)


class UnguardedServer(_Server):
    """Stands where a daemon without a guard would.

    Attributes:
        changes: Method, path and media type of what came to change something.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Unguarded)
        self.changes: set[tuple[str, str, str]] = set()


@contextmanager
def serving(server: _Server) -> Iterator[int]:
    """Run a server while the context is open; yields its port."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
