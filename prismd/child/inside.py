"""The child's side: the channel to its parent, and the limits that it lives under."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from prismd.child.terms import (
    ENVIRONMENT_KEY,
    EXIT_GRACE_S,
    HEADER,
    MEMORY_EXIT_CODE,
    Terms,
    frame,
)

T = TypeVar("T")

_PR_SET_PDEATHSIG = 1


class Channel:
    """The child's side: frames from and to the parent. One thread uses it.

    A thread of its own reads ahead, so that a request to stop is seen while the child works
    (``poll``), and so that a child whose parent has hung up ends soon, busy or not.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._finished = threading.Event()
        threading.Thread(target=self._read_ahead, name="channel-reader", daemon=True).start()

    def send(self, obj: Any) -> None:
        """Send one frame. Ends the process when the parent is gone."""
        data = frame(obj)
        try:
            self._socket.sendall(data)
        except OSError:
            os._exit(1)

    def receive(self, kind: type[T]) -> T:
        """Wait for the next frame.

        Raises:
            EOFError: The parent has hung up.
        """
        payload = self._frames.get()
        if payload is None:
            self._frames.put(None)
            raise EOFError
        return msgspec.msgpack.decode(payload, type=kind)

    def poll(self, kind: type[T]) -> T | None:
        """The next frame if one has come, such as a request to stop; None if not.

        Raises:
            EOFError: The parent has hung up.
        """
        return None if self._frames.empty() else self.receive(kind)

    def requests(self, kind: type[T]) -> Iterator[T]:
        """Every frame until the parent hangs up."""
        with contextlib.suppress(EOFError):
            while True:
                yield self.receive(kind)

    def finish(self) -> None:
        """Leave the process free to end in its own time."""
        self._finished.set()

    def _read_ahead(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as stream:
            while len(header := stream.read(HEADER.size)) == HEADER.size:
                size = HEADER.unpack(header)[0]
                if len(payload := stream.read(size)) < size:
                    break
                self._frames.put(payload)
        self._frames.put(None)
        if not self._finished.wait(EXIT_GRACE_S):
            os._exit(1)


@contextlib.contextmanager
def channel() -> Iterator[Channel]:
    """Open the child's side, lay down its limits, and tie its life to the parent's.

    To be called once, first, before anything heavy is imported.
    """
    terms = msgspec.json.decode(os.environ.pop(ENVIRONMENT_KEY), type=Terms)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if terms.memory_bytes is not None:
        _limit_memory(terms.memory_bytes)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != terms.parent_pid:
        os._exit(1)  # The parent died before the kernel knew to tell us.
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    opened = Channel(connection)
    try:
        yield opened
    finally:
        opened.finish()


def _limit_memory(memory_bytes: int) -> None:
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        return
    # Other kernels do not hold RLIMIT_AS (macOS takes it and lets every mmap pass).
    threading.Thread(target=_watch_memory, args=(memory_bytes,), daemon=True).start()


def _watch_memory(memory_bytes: int, interval_s: float = 0.25) -> None:
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes <= memory_bytes:
        time.sleep(interval_s)
    os._exit(MEMORY_EXIT_CODE)
