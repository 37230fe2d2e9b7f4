"""A model hub on loopback: an endpoint that redirects to a second host, as real ones do.

The endpoint checks tokens and knows the paths; the second host (another port, so another
origin) serves bytes and ranges. What goes wrong is told file by file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclasses.dataclass
class HubFile:
    """A file and how its serving fails.

    Attributes:
        cuts: For each request in turn, after how many bytes the connection drops.
        statuses: For each request in turn, the error status that it gets.
        token: Needed to get past the endpoint.
        ignores_range: Always sends the whole file.
        ignores_if_range: Sends the range asked for, though the content has changed.
        stalls: Sends the headers and one byte, then nothing.
        etag: None sends none.
    """

    content: bytes
    cuts: list[int] = dataclasses.field(default_factory=list)
    statuses: list[int] = dataclasses.field(default_factory=list)
    token: str = ""
    ignores_range: bool = False
    ignores_if_range: bool = False
    stalls: bool = False
    etag: str | None = ""

    @property
    def validator(self) -> str | None:
        if self.etag == "":
            return f'"{hashlib.sha256(self.content).hexdigest()}"'
        return self.etag


@dataclasses.dataclass
class Seen:
    """A request that arrived: at which host, for what, with which headers (lower case)."""

    host: str
    path: str
    headers: dict[str, str]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what many tests are about, and no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Hub:
    """Both hosts, running while the context is open."""

    def __init__(self) -> None:
        self.files: dict[str, HubFile] = {}
        self.seen: list[Seen] = []
        self._released = threading.Event()
        self._cdn = self._server("cdn")
        self._endpoint = self._server("endpoint")

    @property
    def url(self) -> str:
        """What ``HF_ENDPOINT`` is to be set to."""
        return f"http://127.0.0.1:{self._endpoint.server_address[1]}"

    def put(self, path: str, content: bytes, revision: str = "main") -> HubFile:
        """Serve ``owner/repo/path``."""
        owner, repo, rest = path.split("/", 2)
        file = self.files[f"/{owner}/{repo}/resolve/{revision}/{rest}"] = HubFile(content)
        return file

    def requests(self, host: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.host == host]

    def __enter__(self) -> Hub:
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            for server in (self._cdn, self._endpoint)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        for server in (self._cdn, self._endpoint):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def _server(self, host: str) -> _Server:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                hub.seen.append(Seen(host, self.path, headers))
                if host == "endpoint":
                    hub._redirect(self, headers)
                else:
                    hub._serve(self, headers)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return _Server(("127.0.0.1", 0), Handler)

    def _redirect(self, handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> None:
        file = self.files.get(handler.path)
        if file is None:
            _empty(handler, 404)
        elif file.token and headers.get("authorization") != f"Bearer {file.token}":
            _empty(handler, 401)
        elif file.statuses:
            _empty(handler, file.statuses.pop(0))
        else:
            handler.send_response(302)
            port = self._cdn.server_address[1]
            handler.send_header("Location", f"http://127.0.0.1:{port}{handler.path}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    def _serve(self, handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> None:
        file = self.files[handler.path]
        start = _start(file, headers)
        if start >= len(file.content):
            _empty(handler, 416)
            return
        body = file.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            last = len(file.content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(file.content)}")
        if file.validator is not None:
            handler.send_header("ETag", file.validator)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if file.stalls:
            handler.wfile.write(body[:1])
            handler.wfile.flush()
            self._released.wait()
            handler.close_connection = True
        elif file.cuts:
            handler.wfile.write(body[: file.cuts.pop(0)])
            handler.close_connection = True
        else:
            handler.wfile.write(body)


def _start(file: HubFile, headers: dict[str, str]) -> int:
    if file.ignores_range or "range" not in headers:
        return 0
    current = headers.get("if-range", file.validator) == file.validator
    if not current and not file.ignores_if_range:
        return 0
    return int(headers["range"].removeprefix("bytes=").removesuffix("-"))


def _empty(handler: BaseHTTPRequestHandler, status: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", "0")
    handler.end_headers()
