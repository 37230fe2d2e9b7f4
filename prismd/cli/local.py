"""The daemon's own HTTP interface without a daemon: the same routes, called in this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx

from prismd.daemon.assembly import Prism
from prismd.daemon.serving import make_app


class _LocalTransport(httpx.BaseTransport):
    """Calls an ASGI app from synchronous code."""

    def __init__(self, app: Any) -> None:
        self._asgi = httpx.ASGITransport(app)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._wait(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        inner = httpx.Request(request.method, request.url, headers=request.headers, content=body)
        response = await self._asgi.handle_async_request(inner)
        content = b"".join([piece async for piece in response.aiter_raw()])
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    def _wait(self, work: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def local_client(prism: Prism) -> Iterator[httpx.Client]:
    """A client whose requests are answered by this process."""
    token = "local"  # noqa: S105 - nothing outside this process can send a request
    transport = _LocalTransport(make_app(prism, token))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        yield client
