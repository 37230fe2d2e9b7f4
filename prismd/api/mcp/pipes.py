"""Standard input and output as lines, such that neither keeps the process from ending.

What the SDK reads and writes with waits in threads that nothing can interrupt: a process whose
agent sends nothing would not heed a signal. Here the waiting threads are daemons, and what they
wait in holds no lock that the end of the interpreter wants to have.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from queue import SimpleQueue

MAX_LINE_BYTES = 4 << 20
"""Longest message; a longer one is left out."""
_READ_BYTES = 65_536


def claim(descriptor: int, instead: int) -> int:
    """Take a standard stream for the protocol alone.

    Args:
        descriptor: The stream's.
        instead: What others find in its place, child processes too.

    Returns:
        The stream under another descriptor, which children do not inherit.
    """
    taken = os.dup(descriptor)
    os.dup2(instead, descriptor)
    return taken


class LinesIn:
    """The lines of a descriptor, until its end.

    Args:
        descriptor: What is read.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(64)
        threading.Thread(target=self._read, name="prismd-stdin", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[str]:
        while (line := await self._lines.get()) is not None:
            self._room.release()
            yield line

    def _read(self) -> None:
        kept, too_long = bytearray(), False
        while piece := self._read_piece():
            *ended, rest = piece.split(b"\n")
            for end in ended:
                if not too_long and len(kept) + len(end) <= MAX_LINE_BYTES:
                    self._tell((kept + end).decode("utf-8", "replace"))
                kept, too_long = bytearray(), False
            kept += rest
            if len(kept) > MAX_LINE_BYTES:
                kept, too_long = bytearray(), True
        if kept and not too_long:
            self._tell(kept.decode("utf-8", "replace"))
        self._tell(None)

    def _read_piece(self) -> bytes:
        try:
            return os.read(self._descriptor, _READ_BYTES)
        except OSError:  # a terminal that is gone
            return b""

    def _tell(self, line: str | None) -> None:
        if line is not None:
            self._room.acquire()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


class LinesOut:
    """Writes text to a descriptor, each piece whole.

    Args:
        descriptor: What is written to.

    Attributes:
        closed: Set when nobody reads any more.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._wanted: SimpleQueue[tuple[bytes, asyncio.Future[None]]] = SimpleQueue()
        self.closed = asyncio.Event()
        threading.Thread(target=self._write, name="prismd-stdout", daemon=True).start()

    async def write(self, text: str) -> None:
        """Write, and wait until it is written; to nobody once nobody reads."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._wanted.put((text.encode("utf-8", "replace"), done))
        await done

    async def flush(self) -> None:
        """Nothing is kept back."""

    def _write(self) -> None:
        while True:
            data, done = self._wanted.get()
            left = memoryview(data)
            try:
                while left:
                    left = left[os.write(self._descriptor, left) :]
            except OSError:
                self._tell(self.closed.set)
            self._tell(_settle, done)

    def _tell(self, call: object, *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
