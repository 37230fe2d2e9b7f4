"""The sessions of agents over streamable HTTP, for as long as the app runs."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Litestar
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from prismd.api.body import CHAT_BODY_BYTES
from prismd.api.mcp.inward import InwardReach
from prismd.api.mcp.server import GONE, make_server
from prismd.api.services import ApiSettings


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

    async def run(self, ready: asyncio.Event, end: asyncio.Event) -> None:
        """Hold sessions until the end; then all of them end at once, their streams too."""
        try:
            async with self._manager.run():
                ready.set()
                await end.wait()
        finally:
            await self._reach.close()

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, and have its tool know when nobody waits for it any more."""
        gone = asyncio.Event()

        async def heard() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                gone.set()
            return message

        await self._manager.handle_request({**scope, GONE: gone}, heard, send)
