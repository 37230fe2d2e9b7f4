"""Blocking work off the event loop, so much at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from msgspec import Struct

from prismd.api.errors import BusyError

T = TypeVar("T")

_MOST = {
    "read": 8,
    "file": 16,
    "search": 4,
    "embed": 2,
    "rerank": 2,
    "render": 2,
    "example": 1,
    "keep": 4,
    "change": 1,
}


class Use(Struct, frozen=True):
    """How many threads of a kind are at work, of how many at most, and how many wait for one."""

    at_work: int
    most: int
    waiting: int


_SEARCH_WAIT_S = 30.0
_RETRY_AFTER_S = 5


class Offload:
    """Threads for each kind of work, so that none keeps another waiting.

    Args:
        search_wait_s: How long a search waits for its turn at most.
    """

    def __init__(self, search_wait_s: float = _SEARCH_WAIT_S) -> None:
        self._search_wait_s = search_wait_s
        self._limiters = {kind: CapacityLimiter(most) for kind, most in _MOST.items()}

    def uses(self) -> dict[str, Use]:
        """How each kind of work stands; for the event loop's thread, or nearly right."""
        return {
            kind: Use(
                limiter.borrowed_tokens,
                int(limiter.total_tokens),
                limiter.statistics().tasks_waiting,
            )
            for kind, limiter in self._limiters.items()
        }

    async def read(self, work: Callable[[], T]) -> T:
        """Run short work on the database; users' files are no part of that."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiters["read"])

    async def file(self, work: Callable[[], T]) -> T:
        """Open or look at users' files; their disks may never answer, which nobody else awaits."""
        return await _unanswered(work, self._limiters["file"])

    async def change(self, work: Callable[[], T]) -> T:
        """Change folders or settings; that may take long, and each waits for the one before."""
        return await _unanswered(work, self._limiters["change"])

    async def search(self, work: Callable[[], T]) -> T:
        """Run a search.

        Raises:
            BusyError: Its turn did not come in time; its client would not wait for ever, either.
        """
        turn = object()
        try:
            with anyio.fail_after(self._search_wait_s):
                await self._limiters["search"].acquire_on_behalf_of(turn)
        except TimeoutError:
            raise BusyError(
                f"no search could be begun within {self._search_wait_s:g} s; try again in a moment",
                retry_after_s=_RETRY_AFTER_S,
            ) from None
        try:
            return await anyio.to_thread.run_sync(work, limiter=CapacityLimiter(1))
        finally:
            self._limiters["search"].release_on_behalf_of(turn)

    async def embed(self, work: Callable[[], T]) -> T:
        """Run the embedding model."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiters["embed"])

    async def rerank(self, work: Callable[[], T]) -> T:
        """Put documents of a request in order."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiters["rerank"])

    async def example(self, work: Callable[[], T]) -> T:
        """Make out a picture or a recording that came with a request."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiters["example"])

    async def keep(self, work: Callable[[], T]) -> T:
        """Put what comes with a request on prismd's own disk."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiters["keep"])

    async def render(self, work: Callable[[], T]) -> T:
        """Render a preview of a file, with all that ``file`` may do."""
        return await _unanswered(work, self._limiters["render"])


async def _unanswered(work: Callable[[], T], limiter: CapacityLimiter) -> T:
    """Run work that may never end, in a thread that keeps neither a request nor prismd alive.

    Whoever is cancelled goes on at once; the work counts against the limit until it has ended.
    """
    loop, turn, done = asyncio.get_running_loop(), object(), Future[T]()
    await limiter.acquire_on_behalf_of(turn)

    def end(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop ended first
            loop.call_soon_threadsafe(limiter.release_on_behalf_of, turn)

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    done.set_running_or_notify_cancel()
    done.add_done_callback(end)
    try:
        threading.Thread(target=run, name="prismd-file", daemon=True).start()
    except RuntimeError as error:  # no thread is to be had: nobody will say how it ended
        done.set_exception(error)
    return await asyncio.wrap_future(done)
