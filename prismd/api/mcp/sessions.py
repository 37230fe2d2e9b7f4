"""The sessions of agents over streamable HTTP, for as long as the app runs."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Litestar
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from prismd.api.body import CHAT_BODY_BYTES
from prismd.api.mcp.inward import InwardReach
from prismd.api.mcp.server import GONE, make_server
from prismd.api.services import ApiSettings

_FAILED = 400
_NOT_FOUND = 404


class Sessions:
    """Serves the tools to agents, each in a session of its own.

    ``run`` has to be running while ``serve`` is called, in the same event loop.

    Args:
        app: Whose routes the tools call.
        token: What its guard wants to be shown.
        settings: Where it is served, and how long and how many sessions are kept.
    """

    def __init__(self, app: Litestar, token: str, settings: ApiSettings) -> None:
        self._reach = InwardReach(app, token, settings.base_url)
        self._manager = StreamableHTTPSessionManager(
            make_server(self._reach),
            # The guard has looked at Host and Origin, and is stricter.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            session_idle_timeout=settings.mcp_idle_s,
            max_request_body_size=CHAT_BODY_BYTES,
            max_sessions=settings.mcp_sessions,
        )
        self._most = settings.mcp_sessions
        self._opening = 0
        self._in_hand: dict[str, int] = {}
        """Requests in hand of each session, the one that has been idle longest first."""

    async def run(self, ready: asyncio.Event, end: asyncio.Event) -> None:
        """Hold sessions until the end; then all of them end at once, their streams too."""
        try:
            async with self._manager.run():
                ready.set()
                await end.wait()
        finally:
            await self._reach.close()

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, and have its tool know when nobody waits for it any more.

        Where there are as many sessions as may be, a new one takes the place of the one that has
        been idle longest; its agent begins another when it comes back, as the protocol has it.
        """
        gone = asyncio.Event()

        async def heard() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                gone.set()
            return message

        scope = {**scope, GONE: gone}
        if session_id := _header(scope, MCP_SESSION_ID_HEADER):
            await self._go_on(session_id, scope, heard, send)
        elif _opens_session(scope):
            await self._open(scope, heard, send)
        else:
            await self._manager.handle_request(scope, heard, send)

    async def _open(self, scope: Any, receive: Any, send: Any) -> None:
        opened = ""

        async def noting(message: Any) -> None:
            nonlocal opened
            if message["type"] == "http.response.start" and message["status"] < _FAILED:
                opened = _header(message, MCP_SESSION_ID_HEADER)
                if opened:  # from now on it is counted among those that there are
                    self._in_hand[opened] = 1
                    self._opening -= 1
            await send(message)

        self._opening += 1
        try:
            await self._make_room()
            await self._manager.handle_request(scope, receive, noting)
        finally:
            if not opened:
                self._opening -= 1
            self._left(opened)

    async def _go_on(self, session_id: str, scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                ended = scope["method"] == "DELETE" and message["status"] < _FAILED
                if ended or message["status"] == _NOT_FOUND:
                    self._in_hand.pop(session_id, None)
            await send(message)

        if session_id in self._in_hand:
            self._in_hand[session_id] += 1
        try:
            await self._manager.handle_request(scope, receive, noting)
        finally:
            self._left(session_id)

    def _left(self, session_id: str) -> None:
        """A request of a session has been answered, and the session was in use until now."""
        if session_id in self._in_hand:
            self._in_hand[session_id] = self._in_hand.pop(session_id) - 1

    async def _make_room(self) -> None:
        """End idle sessions until there is room; those that ended of themselves are forgotten."""
        while len(self._in_hand) + self._opening > self._most:
            idle = next((id_ for id_, in_hand in self._in_hand.items() if not in_hand), None)
            if idle is None:
                return
            del self._in_hand[idle]
            await self._end(idle)

    async def _end(self, session_id: str) -> None:
        """End a session, as its agent would."""
        headers = [(MCP_SESSION_ID_HEADER.encode(), session_id.encode())]
        scope = {"type": "http", "method": "DELETE", "path": "/mcp", "headers": headers}

        async def nothing() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def unheard(_: Any) -> None:
            return

        await self._manager.handle_request(scope, nothing, unheard)


def _opens_session(scope: Any) -> bool:
    """Whether a request without a session may begin one; those of newer versions need none."""
    version = _header(scope, MCP_PROTOCOL_VERSION_HEADER)
    return scope["method"] == "POST" and (not version or version in HANDSHAKE_PROTOCOL_VERSIONS)


def _header(message: Any, name: str) -> str:
    wanted = name.lower().encode()
    found = (value for known, value in message["headers"] if known.lower() == wanted)
    return next(found, b"").decode("latin-1")
