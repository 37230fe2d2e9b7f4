"""Tells everybody who listens what happens: one look at the state for all of them.

While nobody listens nothing runs. While somebody does, a task looks four times a second whether
anything was told or has changed, which costs a comparison; only then is the status put together,
twice a second at most, and less often where that takes long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from prismd.errors import PrismdError
from prismd.progress.feed import Feed

log = logging.getLogger(__name__)

LARGEST_CROWD = 32
MAX_QUEUED_BYTES = 1_000_000
TRY_AGAIN_LATER = 1013
_FAILED = 1011
_LOOK_S = 0.25
_STATUS_S = 0.5
_STATUS_REST = 10
"""A status is rested upon for this many times as long as it took: at most 10 % of a core."""
_AT_WORK_S = 2.0
"""So often the time left is told anew while there is work, though nothing else has changed."""
_BURST = 100
_RATES = ("rate_files_per_s", "rate_embeddings_per_s")

State = dict[str, Any]
"""A status by its top-level keys, as JSON has it."""


class Listener:
    """Somebody who listens; for the event loop's thread.

    Its messages are JSON objects, numbered from 1 on. What it has not taken within a bound ends
    it.

    Attributes:
        ended: Close code and reason, once it is over.
    """

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._queued_bytes = self._taken_bytes = 0
        self._seq = 0
        self._told = 0
        self._ready = asyncio.Event()
        self.ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def silent(self) -> bool:
        """Whether it was sent nothing since this was asked last, but for the heartbeat of then."""
        silent = self._seq == self._told
        self._told = self._seq + silent
        return silent

    def put(self, body: bytes) -> None:
        """Queue a message.

        Args:
            body: A JSON object without its number.
        """
        if self.ended.done():
            return
        self._seq += 1
        message = b'{"seq":%d,%s' % (self._seq, body[1:])
        self._queued_bytes += len(message)
        if self._queued_bytes > MAX_QUEUED_BYTES:
            self.end(TRY_AGAIN_LATER, "too slow: it did not take what was sent; connect again")
            return
        self._messages.append(message)
        self._ready.set()

    async def take(self) -> bytes:
        """The next message, once there is one; it counts as queued until the call after."""
        self._queued_bytes -= self._taken_bytes
        self._taken_bytes = 0
        while not self._messages:
            self._ready.clear()
            await self._ready.wait()
        message = self._messages.popleft()
        self._taken_bytes = len(message)
        return message

    def end(self, code: int, reason: str) -> None:
        """It is over; only the first reason counts."""
        if not self.ended.done():
            self.ended.set_result((code, reason))
            self._messages.clear()


class Hub:
    """Those who listen; for the event loop's thread.

    Args:
        feed: Has the events; opened for as long as somebody listens.
        mark: Another whenever the status may have changed; cheap.
        look: Puts the status together.
    """

    def __init__(
        self,
        feed: Feed,
        mark: Callable[[], Awaitable[object]],
        look: Callable[[], Awaitable[State]],
    ) -> None:
        self._feed = feed
        self._mark = mark
        self._look = look
        self._joining: list[Listener] = []
        self._listeners: list[Listener] = []
        self._joined = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._shown: State = {}
        self._seen: object = None
        self._due_s = self._stale_s = 0.0

    def __len__(self) -> int:
        return len(self._joining) + len(self._listeners)

    def join(self) -> Listener | None:
        """Listen from now on, the whole status first; None when there are too many who do."""
        if len(self) >= LARGEST_CROWD:
            return None
        listener = Listener()
        self._joining.append(listener)
        self._joined.set()
        if self._task is None:
            self._feed.open()
            self._task = asyncio.create_task(self._run())
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        for group in (self._joining, self._listeners):
            if listener in group:
                group.remove(listener)
        if not len(self):
            if self._task is not None:
                self._task.cancel()
                self._task = None
            self._feed.close()

    async def _run(self) -> None:
        try:
            while True:
                await self._tell()
                if await self._is_due():
                    await self._show()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._joined.wait(), _LOOK_S)
        except Exception as error:
            known = isinstance(error, PrismdError)
            log.log(logging.ERROR, "no events: %s", error, exc_info=None if known else error)
            self._task = None
            for listener in (*self._joining, *self._listeners):
                listener.end(_FAILED, "internal error; see prismd's log")

    async def _tell(self) -> None:
        """Hand on what happened since the last look, to those who have a status to hold it to."""
        for number, event in enumerate(self._feed.take(), 1):
            self._broadcast(msgspec.json.encode(event))
            if number % _BURST == 0:
                await asyncio.sleep(0)  # whoever can take them takes them now

    async def _is_due(self) -> bool:
        now_s = time.monotonic()
        if self._joining:
            return True
        if now_s < self._due_s:
            return False
        # A rate falls by itself when the work is done.
        state = self._shown.get("state")
        at_work = state in ("starting", "indexing") or any(map(self._shown.get, _RATES))
        return bool(at_work and now_s >= self._stale_s) or await self._mark() != self._seen

    async def _show(self) -> None:
        """Tell what of the status is another now; to who is new, all of it.

        What was told before this looks is in what it finds, so nothing older is ever told after.
        """
        self._joined.clear()
        new, began_s = list(self._joining), time.monotonic()
        self._seen = await self._mark()
        status = await self._look()
        ended_s = time.monotonic()
        self._due_s = ended_s + max(_STATUS_S, _STATUS_REST * (ended_s - began_s))
        self._stale_s = ended_s + max(_AT_WORK_S, self._due_s - ended_s)
        changed = {key: value for key, value in status.items() if self._shown.get(key) != value}
        self._shown = status
        if changed:
            self._broadcast(msgspec.json.encode({"type": "status", "status": changed}))
        whole = msgspec.json.encode({"type": "snapshot", "status": status})
        for listener in new:
            if listener in self._joining:
                self._joining.remove(listener)
                self._listeners.append(listener)
                listener.put(whole)

    def _broadcast(self, body: bytes) -> None:
        for listener in self._listeners:
            listener.put(body)
