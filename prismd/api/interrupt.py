"""Stops a generation from another thread, even before its first word.

An answer is a generator that one thread runs. While that thread waits in it (for the model's
turn, or for the prompt to be read, which takes seconds), no other thread can close it; but the
model's own iterator can be closed from anywhere. So the thread of an answer notes every
iterator that is begun in it, and whoever wants the answer to end closes those.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from prismd.models.base import Delta, Generator, Message, Sampling


class Interrupt:
    """Closes what it was told of, once, and whatever it is told of later at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Iterator[Delta]] = []
        self._set = False

    def add(self, running: Iterator[Delta]) -> None:
        """Note a generation."""
        with self._lock:
            self._running.append(running)
            if not self._set:
                return
        _close(running)

    def set(self) -> None:
        """Close every generation that was noted; may block for a moment."""
        with self._lock:
            self._set = True
            running = list(self._running)
        for item in running:
            _close(item)

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._set


_current: ContextVar[Interrupt | None] = ContextVar("interrupt", default=None)


@contextmanager
def interruptible_by(interrupt: Interrupt) -> Iterator[None]:
    """Have the generations that this thread begins noted."""
    token = _current.set(interrupt)
    try:
        yield
    finally:
        _current.reset(token)


def is_called_off() -> bool:
    """Whether what this thread does is to end."""
    interrupt = _current.get()
    return interrupt is not None and interrupt.is_set()


def noted(running: Iterator[Delta]) -> Iterator[Delta]:
    """A generation, which the ``Interrupt`` of this thread can stop, if it has one."""
    interrupt = _current.get()
    if interrupt is not None:
        interrupt.add(running)
    return running


class Interruptible:
    """A generator whose generations can be stopped by the ``Interrupt`` of their thread."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    @property
    def name(self) -> str:
        """The model's name."""
        return self._generator.name

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self._generator.context_tokens

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self._generator.count_tokens(text)

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta]:
        """See ``Generator.generate``."""
        return noted(self._generator.generate(messages, sampling))

    def close(self) -> None:
        """Stop the engine."""
        self._generator.close()


def _close(running: Iterator[Delta]) -> None:
    close = getattr(running, "close", None)
    if close is not None:
        close()
