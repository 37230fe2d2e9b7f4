"""The end of the process, as the requests meet it that are in work then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from prismd.api.errors import EndingError, describe
from prismd.api.within import is_within

_GRACE_S = 0.5


class Ending:
    """Knows all requests that are in work, so that the end waits for none of them for long.

    Answers that are being written are told (see ``tell``), and say so. Whatever is in work a
    moment later is called off: it is answered with 503 where nothing was answered yet, else cut.
    For one event loop.

    Args:
        grace_s: How long the end waits for what would be done in a moment.
    """

    def __init__(self, grace_s: float = _GRACE_S) -> None:
        self._grace_s = grace_s
        self._has_begun = False
        self._in_work: set[asyncio.Task[None]] = set()
        self._told: set[Callable[[Exception], None]] = set()

    def tell(self, fail: Callable[[Exception], None]) -> Callable[[], None]:
        """Have work fail with an ``EndingError`` at the end; the answer takes that back."""
        if self._has_begun:
            fail(EndingError())
        self._told.add(fail)
        return lambda: self._told.discard(fail)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Have the requests that an app answers known; those of this process belong to others."""

        async def known(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or is_within(scope):  # type: ignore[comparison-overlap]
                await app(scope, receive, send)
            elif self._has_begun:
                await refuse(send)
            else:
                await self._answer(app, scope, receive, send)

        return known

    async def end(self) -> None:
        """Tell it to everybody, and call off what does not end of itself."""
        self._has_begun = True
        for fail in tuple(self._told):
            fail(EndingError())
        if self._in_work:
            await asyncio.wait(self._in_work, timeout=self._grace_s)
        for task in self._in_work:
            task.cancel()

    async def _answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def noting(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in one
        self._in_work.add(task)
        try:
            await app(scope, receive, noting)
        except asyncio.CancelledError:
            if answered or not self._has_begun:
                raise
            task.uncancel()
            await refuse(send)
        finally:
            self._in_work.discard(task)


async def refuse(send: Send) -> None:
    """Answer that prismd is ending."""
    status, envelope, more = describe(EndingError())
    body = msgspec.json.encode(envelope)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *((name.encode(), value.encode()) for name, value in more.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
