"""How uvicorn treats WebSockets: those that stall are noticed early, and do not delay the end."""

from __future__ import annotations

import asyncio
import socket
from asyncio.transports import BaseTransport, Transport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_GOING_AWAY = 1001
_LARGEST_MESSAGE_BYTES = 65_536
_BUFFER_BYTES = 65_536
_PING_S = 10.0
_FAREWELL_S = 2.0
"""For how long a client may take in what it was sent last, and say that it closes, too."""


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket whose client cannot hold the server up.

    The system keeps little for a client that does not read, so that its own queue fills and tells
    that it is slow. What is closed is gone soon, whether the client takes part in that or not;
    uvicorn itself would wait for it to read the rest.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep little in buffers that nobody sees."""
        super().connection_made(transport)
        self.close_timeout = _FAREWELL_S
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        if isinstance(transport, Transport):
            transport.set_write_buffer_limits(high=_BUFFER_BYTES)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Let the connection end in any case when its handler has."""
        super().on_task_complete(task)
        self.loop.call_later(_FAREWELL_S, self.transport.abort)

    def shutdown(self) -> None:
        """Say that the daemon goes away, and end."""
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": _GOING_AWAY})
            self.conn.send_close(_GOING_AWAY, "prismd is stopping")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        super().shutdown()
        self.loop.call_later(_FAREWELL_S, self.transport.abort)


def websocket_settings() -> dict[str, Any]:
    """What ``uvicorn.Config`` is to be given for WebSockets."""
    return {
        "ws": Socket,
        "ws_max_size": _LARGEST_MESSAGE_BYTES,
        "ws_ping_interval": _PING_S,
        "ws_ping_timeout": _PING_S,
        # Messages are small, and the loopback interface is not: packing costs more than it saves.
        "ws_per_message_deflate": False,
    }
