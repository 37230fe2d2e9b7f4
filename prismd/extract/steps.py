"""How far the reading of one file has come, told from wherever it is known.

An extractor that takes long, page by page or minute by minute, calls ``step``: it keeps the
deadline of the file from running out as long as there is progress, and people see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def step(done: int, total: int) -> None:
    """Say that so many parts of so many are done; does nothing where nobody listens."""
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
