"""``/mcp``: the tools over streamable HTTP, for whom the guard lets in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from litestar import Litestar, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from prismd.api.errors import envelope
from prismd.api.services import ApiSettings

if TYPE_CHECKING:
    from prismd.api.mcp.sessions import Sessions


class McpEndpoint:
    """Sessions that begin with the first request: until then none of the SDK is imported.

    Args:
        token: Of the daemon.
        settings: Of the API.
    """

    def __init__(self, token: str, settings: ApiSettings) -> None:
        self._token = token
        self._settings = settings
        self._begun: asyncio.Task[Sessions] | None = None
        self._held: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    async def serve(self, app: Litestar, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._end.is_set():
            await _refuse(send)
            return
        if self._begun is None:
            self._begun = asyncio.ensure_future(self._begin(app))
        sessions = await asyncio.shield(self._begun)
        await sessions.serve(scope, receive, send)

    async def end(self) -> None:
        """End all sessions and their streams; what comes now is refused."""
        self._end.set()
        if self._held is not None:
            await self._held

    async def _begin(self, app: Litestar) -> Sessions:
        # A second or so of importing, during which others are served.
        sessions_type = await asyncio.to_thread(_load)
        sessions = sessions_type(app, self._token, self._settings)
        ready = asyncio.Event()
        self._held = asyncio.ensure_future(sessions.run(ready, self._end))
        await ready.wait()
        return sessions


def _load() -> type[Sessions]:
    from prismd.api.mcp.sessions import Sessions

    return Sessions


async def _refuse(send: Send) -> None:
    body = msgspec.json.encode(envelope(503, "prismd is ending; try again when it runs again"))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asgi("/mcp", copy_scope=True)
async def mcp(scope: Scope, receive: Receive, send: Send) -> None:
    """The Model Context Protocol: tools for agents, read-only."""
    app = scope["litestar_app"]
    endpoint: McpEndpoint = app.state.mcp
    await endpoint.serve(app, scope, receive, send)


ROUTES: list[ASGIRouteHandler] = [mcp]
