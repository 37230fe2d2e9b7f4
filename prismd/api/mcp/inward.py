"""Requests to an app of this process, without a connection: streamed, and called off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from prismd.api.mcp.reach import Reached
from prismd.api.within import WITHIN

if TYPE_CHECKING:
    from litestar import Litestar

T = TypeVar("T")


class InwardReach:
    """Calls the routes of an app from within it.

    Args:
        app: The app, guard and all.
        token: What the guard wants to be shown.
        base_url: Where the app is served; empty where it is not.
    """

    def __init__(self, app: Litestar, token: str, base_url: str) -> None:
        client = httpx.AsyncClient(
            transport=InwardTransport(app),
            base_url="http://127.0.0.1",  # whatever it is called from outside
            headers={"Authorization": f"Bearer {token}"},
        )
        self._reached = Reached(client, base_url)

    async def run(self, work: Callable[[Reached], Awaitable[T]]) -> T:
        """See ``Reach.run``."""
        return await work(self._reached)

    async def close(self) -> None:
        """Call off what is in hand."""
        await self._reached.client.aclose()


class InwardTransport(httpx.AsyncBaseTransport):
    """Calls an app in the running event loop.

    ``httpx.ASGITransport`` gives an answer only when it is whole, and nobody can call it off.
    Here pieces come as they are sent, and a response that is closed, or a request that is
    cancelled, is to the app a client that has gone away.
    """

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._in_hand: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request; see ``httpx.AsyncBaseTransport``."""
        exchange = _Exchange(await request.aread())
        served = asyncio.ensure_future(exchange.served_by(self._app, _scope(request)))
        self._in_hand.add(served)
        served.add_done_callback(self._in_hand.discard)
        try:
            status, headers = await exchange.head
        except BaseException:
            exchange.leave()
            raise
        return httpx.Response(status, headers=headers, stream=exchange)

    async def aclose(self) -> None:
        """Call off what is in hand."""
        for served in self._in_hand:
            served.cancel()


class _Exchange(httpx.AsyncByteStream):
    """One request and the response to it, which is read as it is sent."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._left = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.Future()

    async def served_by(self, app: Litestar, scope: Any) -> None:
        """Have the app answer; ends when it has, whether anybody reads that or not."""
        try:
            await app(scope, self._receive, self._send)
        finally:
            if not self.head.done():
                self.head.set_exception(httpx.ReadError("there was no answer"))
                self.head.exception()  # whoever waited may have left
            self._pieces.put_nowait(None)

    async def _receive(self) -> Any:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            if not self.head.done():
                self.head.set_result((message["status"], list(message["headers"])))
        elif message["type"] == "http.response.body" and message.get("body"):
            self._pieces.put_nowait(message["body"])

    def leave(self) -> None:
        """Go away, as far as the app can tell."""
        self._left.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def aclose(self) -> None:
        """Read no further."""
        self.leave()


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        WITHIN: True,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port),
    }
