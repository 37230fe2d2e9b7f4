"""How many answers are in work at once, and how many may wait for their turn."""

from __future__ import annotations

import asyncio
from typing import Any

from prismd.api.errors import BusyError, ClientGone

_RETRY_AFTER_S = 5


class ChatGate:
    """Lets so many in, lets so many wait, refuses the rest. For one event loop.

    Args:
        running: How many are in at once.
        waiting: How many may wait.
        wait_s: How long one waits at most.
        full: What is said to those who may not wait.
        late: What is said to those who waited in vain.

    Attributes:
        waiting: How many wait now.
        in_work: How many are in.
    """

    def __init__(
        self,
        running: int,
        waiting: int,
        wait_s: float,
        *,
        full: str = "too many requests are waiting for an answer",
        late: str = "no answer could be begun",
    ) -> None:
        self._free = asyncio.Semaphore(running)
        self._may_wait = waiting
        self._wait_s = wait_s
        self._full = full
        self._late = late
        self.waiting = 0
        self.in_work = 0

    async def enter(self, gone: asyncio.Future[None]) -> None:
        """Take a place; ``leave`` gives it back.

        Args:
            gone: Done when the client has gone away.

        Raises:
            BusyError: Too many wait, or the turn did not come in time.
            ClientGone: The client did not wait for it.
        """
        if not self._free.locked():
            await self._free.acquire()
            self.in_work += 1
            return
        if self.waiting >= self._may_wait:
            raise _busy(self._full)
        self.waiting += 1
        turn: asyncio.Future[Any] = asyncio.ensure_future(self._free.acquire())
        try:
            await asyncio.wait(
                {turn, gone}, timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            if gone.done():
                raise ClientGone
            if not turn.done():
                raise _busy(f"{self._late} within {self._wait_s:g} s")
            self.in_work += 1
        except BaseException:
            self._withdraw(turn)
            raise
        finally:
            self.waiting -= 1

    def leave(self) -> None:
        """Give a place back."""
        self.in_work -= 1
        self._free.release()

    def _withdraw(self, turn: asyncio.Future[Any]) -> None:
        if turn.done() and not turn.cancelled():
            self._free.release()
        else:
            turn.cancel()


def _busy(cause: str) -> BusyError:
    return BusyError(f"{cause}; try again in a moment", retry_after_s=_RETRY_AFTER_S)
