"""``/mcp``: the tools over streamable HTTP, for whom the guard lets in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from litestar import Litestar, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from prismd.api.ending import refuse
from prismd.api.errors import envelope
from prismd.api.services import ApiSettings

if TYPE_CHECKING:
    from prismd.api.mcp.sessions import Sessions

_SERVED = frozenset({"DELETE", "GET", "POST"})
"""Methods of the protocol; the SDK would begin a session to refuse any other."""
_METHODS = b"DELETE, GET, HEAD, OPTIONS, POST"


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
            await refuse(send)
            return
        sessions = await self._sessions(app)
        await sessions.serve(scope, receive, send)

    async def end(self) -> None:
        """End all sessions and their streams; what comes now is refused."""
        self._end.set()
        if self._held is not None:
            await asyncio.wait({self._held})

    async def _sessions(self, app: Litestar) -> Sessions:
        """The sessions; begun with the first request, and anew where that failed before.

        Raises:
            Exception: What kept them from beginning.
        """
        if self._begun is None or self._is_over(self._begun):
            self._begun = asyncio.ensure_future(self._begin(app))
        return await asyncio.shield(self._begun)

    def _is_over(self, begun: asyncio.Task[Sessions]) -> bool:
        """Whether sessions could not begin, or ended by a fault."""
        failed = begun.done() and (begun.cancelled() or begun.exception() is not None)
        return failed or (begun.done() and self._held is not None and self._held.done())

    async def _begin(self, app: Litestar) -> Sessions:
        # A second or so of importing, during which others are served.
        sessions_type = await asyncio.to_thread(_load)
        sessions = sessions_type(app, self._token, self._settings)
        ready = asyncio.Event()
        self._held = asyncio.ensure_future(sessions.run(ready, self._end))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({self._held, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set():
            waiting.cancel()
            await self._held  # raises what kept it from being ready
        return sessions


def _load() -> type[Sessions]:
    from prismd.api.mcp.sessions import Sessions

    return Sessions


async def _answer_without_session(scope: Scope, send: Send) -> None:
    """Answer HEAD as whoever only looks expects it, and say of other methods what there is."""
    status, body, allow = 200, b"", [(b"allow", _METHODS)]
    kind = b"text/event-stream"
    if scope.get("method") != "HEAD":
        status, kind = 405, b"application/json"
        said = "this method is not allowed here; see the Allow header"
        body = msgspec.json.encode(envelope(status, said))
        allow.append((b"content-length", b"%d" % len(body)))
    headers = [(b"content-type", kind), *allow]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asgi("/mcp", copy_scope=True)
async def mcp(scope: Scope, receive: Receive, send: Send) -> None:
    """The Model Context Protocol: tools for agents, read-only."""
    if scope.get("method") not in _SERVED:
        await _answer_without_session(scope, send)
        return
    app = scope["litestar_app"]
    endpoint: McpEndpoint = app.state.mcp
    await endpoint.serve(app, scope, receive, send)


ROUTES: list[ASGIRouteHandler] = [mcp]
