"""From a blocking generator in a thread to a response, which ends when the client goes away."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from prismd.api.errors import ClientGone
from prismd.api.interrupt import Interrupt, interruptible_by

T = TypeVar("T")


class _End:
    """No more items."""


_END = _End()


class Pump(Generic[T]):
    """Runs a generator in a thread of its own and hands its items to the event loop.

    Args:
        make: Makes the generator; runs in the thread, too.
        on_end: Runs in the event loop when the thread has ended, whatever became of the items.
    """

    def __init__(self, make: Callable[[], Iterator[T]], on_end: Callable[[], None]) -> None:
        self._make = make
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[T | _End | Exception] = asyncio.Queue()
        self._interrupt = Interrupt()
        self._peeked: list[T | _End | Exception] = []
        self._thread = threading.Thread(target=self._run, name="prismd-answer", daemon=True)
        self._thread.start()

    async def peek(self, timeout_s: float) -> None:
        """Wait for the first item, but not for long, so that an early error is seen early.

        Raises:
            Exception: What the generator raised instead of a first item.
        """
        with contextlib.suppress(TimeoutError):
            first = await asyncio.wait_for(self._items.get(), timeout_s)
            self._peeked.append(first)
            if isinstance(first, Exception):
                raise first

    async def next(self, timeout_s: float | None = None) -> T | None:
        """The next item, or None after the last.

        Raises:
            TimeoutError: None came in time; there may be one later.
            Exception: What the generator raised, or ``fail`` was told.
        """
        if self._peeked:
            item = self._peeked.pop()
        else:
            item = await asyncio.wait_for(self._items.get(), timeout_s)
        if isinstance(item, Exception):
            raise item
        return None if isinstance(item, _End) else item

    def stop(self) -> None:
        """End the generator within a moment; does not wait for it."""
        if not self._interrupt.is_set() and self._thread.is_alive():
            # Closing a generation waits for its engine: not in the event loop.
            threading.Thread(target=self._interrupt.set, name="prismd-stop", daemon=True).start()

    def fail(self, error: Exception) -> None:
        """End the generator, and have whoever takes its items get an error."""
        self._items.put_nowait(error)
        self.stop()

    def _run(self) -> None:
        try:
            with interruptible_by(self._interrupt):
                self._give_all()
            self._tell(self._items.put_nowait, _END)
        except Exception as error:
            self._tell(self._items.put_nowait, error)
        finally:
            self._tell(self._on_end)

    def _give_all(self) -> None:
        source = self._make()
        try:
            for item in source:
                if self._interrupt.is_set():
                    return
                self._tell(self._items.put_nowait, item)
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def _tell(self, call: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is there to be told
            self._loop.call_soon_threadsafe(call, *arguments)


@contextlib.contextmanager
def watching_client(request: Request[Any, Any, Any]) -> Iterator[asyncio.Future[None]]:
    """A future that is done when the client goes away; the body must have been read."""
    gone = asyncio.ensure_future(_until_gone(request.receive))
    try:
        yield gone
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class StreamedResponse(Response[Any]):
    """A response whose body is made piece by piece; the pieces' generator is always closed."""

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        headers: dict[str, str],
        status_code: int = 200,
    ) -> None:
        super().__init__(b"", media_type=media_type, headers=headers, status_code=status_code)
        self._pieces = pieces

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """The ASGI application that sends it."""
        headers: list[tuple[str, str]] = [
            ("content-type", str(self.media_type)),
            *((str(name), str(value)) for name, value in self.headers.items()),
        ]
        return _Sender(self._pieces, self.status_code or 200, headers)


class _Sender(ASGIResponse):
    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        status: int,
        headers: Iterable[tuple[str, str]],
    ) -> None:
        super().__init__(status_code=status)
        self._pieces = pieces
        self._status = status
        self._raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._raw_headers}
        )
        gone = asyncio.ensure_future(_until_gone(receive))
        body = asyncio.ensure_future(self._send_body(send))
        try:
            await asyncio.wait({gone, body}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            body.cancel()
            await asyncio.gather(gone, body, return_exceptions=True)
            await self._pieces.aclose()
        if not body.cancelled() and (error := body.exception()) is not None:
            raise error

    async def _send_body(self, send: Send) -> None:
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def raise_when_gone(pump: Pump[Any], gone: asyncio.Future[None]) -> None:
    """Have the pump fail as soon as the client goes away."""
    gone.add_done_callback(lambda done: None if done.cancelled() else pump.fail(ClientGone()))
