"""Recordings that are written down while somebody waits, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from prismd.api.errors import ClientGone
from prismd.models.base import Segment, Transcript

Heard = list[Segment] | Transcript


class WriteDown(Protocol):
    """Writes down one recording; blocks."""

    def __call__(
        self,
        *,
        cancelled: Callable[[], bool],
        on_said: Callable[[Sequence[Segment]], None],
    ) -> Transcript:
        """See ``models.base.Transcriber.transcribe``."""


class Listening:
    """Writes down a recording in a thread and hands what is said to the event loop.

    Args:
        write_down: Runs in the thread.
        on_end: Runs in the event loop when the thread has ended, whatever became of it.
    """

    def __init__(self, write_down: WriteDown, on_end: Callable[[], None]) -> None:
        self._write_down = write_down
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Queue[Heard | Exception] = asyncio.Queue()
        self._peeked: list[Heard] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prismd-listen", daemon=True)
        self._thread.start()

    async def peek(self, timeout_s: float) -> None:
        """Wait for the first words, but not for long, so that an early error is seen early.

        Raises:
            Exception: What went wrong with it.
        """
        with contextlib.suppress(TimeoutError):
            self._peeked.append(await self.next(timeout_s))

    async def next(self, timeout_s: float | None = None) -> Heard:
        """What was said since, or the whole transcript, which is the last of it.

        Raises:
            TimeoutError: Nothing was in time; there may be something later.
            Exception: What went wrong with it.
        """
        if self._peeked:
            return self._peeked.pop()
        heard = await asyncio.wait_for(self._heard.get(), timeout_s)
        if isinstance(heard, Exception):
            raise heard
        return heard

    def stop(self) -> None:
        """Have it given up within a moment; does not wait for that."""
        self._stopped.set()

    def fail(self, error: Exception) -> None:
        """Have it given up, and whoever waits for it get an error."""
        self._heard.put_nowait(error)
        self.stop()

    def stop_when(self, gone: asyncio.Future[None]) -> None:
        """Have it given up as soon as the client has gone away."""
        gone.add_done_callback(self._gone)

    def _gone(self, gone: asyncio.Future[None]) -> None:
        if not gone.cancelled():
            self.fail(ClientGone())

    def _run(self) -> None:
        try:
            heard: Heard | Exception = self._write_down(
                cancelled=self._stopped.is_set,
                on_said=lambda said: self._tell(self._heard.put_nowait, list(said)),
            )
        except Exception as error:
            heard = error
        self._tell(self._heard.put_nowait, heard)
        self._tell(self._on_end)

    def _tell(self, call: Callable[..., object], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is there to be told
            self._loop.call_soon_threadsafe(call, *arguments)
