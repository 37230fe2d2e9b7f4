"""How far the reading of one file has come, told from wherever it is known.

An extractor that takes long, page by page or minute by minute, calls ``step``: it keeps the
deadline of the file from running out as long as there is progress, and people see it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def step(done: int, total: int) -> None:
    """Say that so many parts of so many are done; does nothing where nobody listens.

    Each call is progress, also one that says the same as the last.
    """
    if (listener := _listener.get()) is not None:
        listener(done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have ``step`` call this, in this thread and for as long as the context lasts."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def within(done: int, total: int) -> Iterator[None]:
    """Have every step in here tell how far the whole has come.

    What reads a part of a file, such as a picture in a mail, knows of no other parts: its own
    count would say that all is done.
    """
    listener = _listener.get()
    if listener is None:
        yield
        return
    with listening(lambda *_: listener(done, total)):
        yield


class Paced:
    """A listener that passes on a few steps a second, and the last one in any case.

    Args:
        listener: Who is told.
        interval_s: How long one step holds back those after it.
    """

    def __init__(self, listener: Listener, interval_s: float = 0.2) -> None:
        self._listener = listener
        self._interval_s = interval_s
        self._next_s = 0.0
        self._held: tuple[int, int] | None = None
        self._passed: tuple[int, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Pass a step on, or hold it back."""
        self._held = (done, total)
        last = done >= total and self._held != self._passed
        if last or time.monotonic() >= self._next_s:
            self.flush()

    def flush(self) -> None:
        """Pass on what is held back."""
        if self._held is not None:
            self._passed, self._held = self._held, None
            self._next_s = time.monotonic() + self._interval_s
            self._listener(*self._passed)
