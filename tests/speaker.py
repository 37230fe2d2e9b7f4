"""A stand-in for what a daemon tells over its WebSocket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import msgspec
from websockets.sync.server import ServerConnection, serve

Reach = Callable[[], AbstractContextManager[httpx.Client]]


@contextmanager
def speaking(messages: Sequence[dict[str, Any]]) -> Iterator[Reach]:
    """A server that tells everybody the same, and then nothing; gives the way to it."""

    over = threading.Event()

    def speak(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(msgspec.json.encode(message), text=True)
        over.wait()

    with serve(speak, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]

        def reach() -> httpx.Client:
            headers = {"Authorization": "Bearer x"}
            return httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False
            )

        try:
            yield reach
        finally:
            over.set()
            server.shutdown()
            thread.join()
