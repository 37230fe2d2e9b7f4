"""``WebSocket /ws``: what happens, as it happens.

Every message is a JSON object. ``seq`` counts the messages of a connection from 1 on, without a
gap; ``type`` says what it is:

- ``snapshot``, always the first: ``status`` is the whole of what ``GET /status`` gives.
- ``status``: ``status`` has those top-level keys that are another now, each with its whole value;
  ``Object.assign(status, message.status)`` brings a page up to date. Twice a second at most.
- ``file``: a file came to a state: ``id``, ``path``, ``state``, ``error`` (a code, or empty).
- ``sweep``: a folder was held against the index: ``root``, ``added``, ``changed``, ``moved``,
  ``removed``, ``offline``.
- ``cited``: the files that the last answers cited may be others; ``GET /search/cited`` has them.
- ``ping``: nothing happened for a while, and the connection stands.

Events come in the order in which they happened, and whatever was told before a status is in it.
Nothing that was read or asked is ever told, only names and counts.

A program shows the token as everywhere. A browser cannot set that header: prismd's own page is
known by its cookie, for which the Origin must be prismd's own; a page that ``cors_origins``
allows offers two subprotocols, ``prismd.v1`` and ``prismd.token.TOKEN``, of which the first is
chosen. In an address the token would end in histories and logs, so it is not taken there.

Close codes: 1001 prismd stops; 1009 a client sent more than a client has to say; 1013 too many
clients, or one that is too slow: try again later.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler

from prismd.api.hub import LARGEST_CROWD, TRY_AGAIN_LATER, Listener
from prismd.api.services import Api

PROTOCOL = "prismd.v1"
_CLOSED = 1000
_TOO_LARGE = 1009
_CLIENT_CHARS = 1024
_CLOSE_S = 2.0
_PING = b'{"type":"ping"}'


@websocket("/ws")
async def follow(socket: WebSocket[Any, Any, Any]) -> None:
    """Tell what happens until the client goes away, or cannot follow."""
    api: Api = socket.app.state.api
    offered = socket.scope["subprotocols"]
    await socket.accept(subprotocols=PROTOCOL if PROTOCOL in offered else None)
    listener = api.hub.join()
    if listener is None:
        await _close(socket, TRY_AGAIN_LATER, f"{LARGEST_CROWD} clients listen already")
        return
    tasks = [
        asyncio.create_task(_send(socket, listener)),
        asyncio.create_task(_receive(socket, listener)),
        asyncio.create_task(_beat(listener, api.settings.heartbeat_s)),
    ]
    try:
        code, reason = await listener.ended
    finally:
        api.hub.leave(listener)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await _close(socket, code, reason)


async def _send(socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
    try:
        while True:
            await socket.send_text(await listener.take())
    except Exception:
        listener.end(_CLOSED, "")  # it is gone
        raise


async def _receive(socket: WebSocket[Any, Any, Any], listener: Listener) -> None:
    """Hear when the client goes; it has nothing else to say."""
    try:
        while True:
            said: Any = await socket.receive()
            if said["type"] != "websocket.receive":
                break
            if len(said.get("text") or said.get("bytes") or "") > _CLIENT_CHARS:
                listener.end(_TOO_LARGE, "nothing is asked of clients; this was too long")
    finally:
        listener.end(_CLOSED, "")


async def _beat(listener: Listener, heartbeat_s: float) -> None:
    while True:
        await asyncio.sleep(heartbeat_s)
        if listener.silent():
            listener.put(_PING)


async def _close(socket: WebSocket[Any, Any, Any], code: int, reason: str) -> None:
    """Say good-bye to who may be gone, or takes nothing in any more."""
    with contextlib.suppress(TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
        await asyncio.wait_for(socket.close(code, reason), _CLOSE_S)


ROUTES: list[WebsocketRouteHandler] = [follow]
