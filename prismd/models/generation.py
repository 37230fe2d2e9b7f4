"""One running completion: takes its turn, can be closed from any thread, ends once."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator

from prismd.models.base import Delta

_TURN_POLL_S = 0.05


class Generation(ABC, Iterator[Delta]):
    """The iterator that ``Generator.generate`` gives.

    A plain generator function cannot be closed while another thread waits in its ``next``,
    which is just what happens when a client goes away in the middle of an answer.

    Args:
        turn: Held from the first piece to the end, so that completions come one at a time.
    """

    def __init__(self, turn: threading.Lock) -> None:
        self._turn = turn
        self._stepping = threading.Lock()
        self._closing = threading.Event()
        self._started = False
        self._ended = False

    def __next__(self) -> Delta:
        """The next piece; the one with a ``finish_reason`` is the last."""
        with self._stepping:
            if self._ended or self._closing.is_set() or not self._take_turn():
                raise StopIteration
            try:
                delta = self._step()
            except BaseException:
                self._end()
                if self._closing.is_set():
                    raise StopIteration from None
                raise
            if delta is None or delta.finish_reason is not None:
                self._end()
        if delta is None or self._closing.is_set():
            raise StopIteration
        return delta

    def close(self) -> None:
        """Stop at once; a ``next`` that waits in another thread ends the iteration."""
        self._closing.set()
        if self._started and not self._ended:
            self._interrupt()
        with self._stepping:
            if self._started and not self._ended:
                try:
                    self._abandon()
                finally:
                    self._end()
            self._ended = True

    def __del__(self) -> None:
        """An iterator that is dropped must not keep the turn."""
        if getattr(self, "_started", False) and not self._ended:
            self.close()

    def _take_turn(self) -> bool:
        if self._started:
            return True
        while not self._turn.acquire(timeout=_TURN_POLL_S):
            if self._closing.is_set():
                return False
        self._started = True
        return True

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._turn.release()

    @abstractmethod
    def _step(self) -> Delta | None:
        """Wait for the next piece; None when there is none. The first call starts the work."""

    @abstractmethod
    def _interrupt(self) -> None:
        """Make a waiting ``_step`` return soon; called from another thread."""

    @abstractmethod
    def _abandon(self) -> None:
        """Stop the work; no ``_step`` is running, and none follows."""
