"""HEAD and OPTIONS on every route.

HEAD is answered like GET, without the body; routes that know it themselves (those that would read
a file for nothing) keep it. OPTIONS says which methods there are: litestar's own answer knows only
those that an address was given first.
"""

from __future__ import annotations

from typing import cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

_NO_CONTENT = 204
_NOT_ALLOWED = 405
_NO_ROUTE_HAS = "TRACE"


class EveryMethod:
    """Answers HEAD and OPTIONS where routes know nothing of them.

    Args:
        app: What answers the rest.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        method = scope.get("method")
        if method == "OPTIONS":
            # The refusal of a method that is nowhere names those that are.
            await self._app(_with_method(scope, _NO_ROUTE_HAS), receive, _allowing(send))
        elif method != "HEAD":
            await self._app(scope, receive, _with_head_allowed(send))
        else:
            own = _OwnAnswer(send)
            await self._app(scope, receive, own)
            if not own.is_there:
                await self._app(_with_method(scope, "GET"), receive, _without_body(send))


def _with_method(scope: Scope, method: str) -> Scope:
    return cast(Scope, {**scope, "method": method})


class _OwnAnswer:
    """Sends a route's answer to HEAD, unless that is that it has none.

    Attributes:
        is_there: Whether it has one.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_there = True

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == _NOT_ALLOWED:
            self.is_there = False
        if self.is_there:
            await self._send(message)


def _without_body(send: Send) -> Send:
    """Ends with the headers; a stream sees that as a client that has gone."""
    told = _with_head_allowed(send)

    async def headers_only(message: Message) -> None:
        if message["type"] == "http.response.start":
            await told(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return headers_only


def _allowing(send: Send) -> Send:
    """A refusal of the method becomes the list of those that are allowed."""
    told = _with_head_allowed(send)
    listed = False

    async def answer(message: Message) -> None:
        nonlocal listed
        if message["type"] == "http.response.start" and message["status"] == _NOT_ALLOWED:
            listed = True
            allow = [(name, value) for name, value in message["headers"] if name == b"allow"]
            message = {**message, "status": _NO_CONTENT, "headers": allow}
        elif listed:
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await told(message)

    return answer


def _with_head_allowed(send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, _with_head(value) if name == b"allow" else value)
                for name, value in message["headers"]
            ]
        await send(message)

    return told


def _with_head(allowed: bytes) -> bytes:
    methods = {method.strip() for method in allowed.split(b",")}
    if b"GET" in methods:
        methods.add(b"HEAD")
    # That of a WebSocket's address is none of HTTP's.
    return b", ".join(sorted(method for method in methods if method.isupper()))
