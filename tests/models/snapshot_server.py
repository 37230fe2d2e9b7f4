"""A hub on loopback as ``huggingface_hub`` wants it for whole repositories."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_COMMIT = "0" * 39 + "1"


class Snapshots:
    """What is served and what was asked for.

    Attributes:
        url: What ``HF_ENDPOINT`` is to be set to.
        fetched: The files whose content was asked for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.fetched: list[str] = []


@contextmanager
def serving(repo: str, folder: Path) -> Iterator[Snapshots]:
    """Serve a folder as a repository at its only commit."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.split("?", 1)[0]
            name = path.removeprefix(f"/{repo}/resolve/{_COMMIT}/")
            if path.startswith(f"/api/models/{repo}"):
                siblings = [{"rfilename": name} for name in files]
                info = {"id": repo, "modelId": repo, "sha": _COMMIT, "siblings": siblings}
                self._send(200, json.dumps(info).encode(), with_body=with_body)
            elif name in files:
                if with_body:
                    snapshots.fetched.append(name)
                self._send(200, files[name], with_body=with_body)
            else:
                self._send(404, b"", with_body=with_body)

        def _send(self, status: int, body: bytes, *, with_body: bool) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", _COMMIT)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    snapshots = Snapshots(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield snapshots
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
