"""Disks that are heard answering, and one that stops to."""

from __future__ import annotations

import threading

from prismd.watch.pulse import Pulse


class Counted(Pulse):
    """Counts the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.beats = 0

    def beat(self) -> None:
        super().beat()
        self.beats += 1


class Stuck(Pulse):
    """Of a disk that stops to answer after so many answers, for as long as it is told to."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self._left = answers
        self.stuck = threading.Event()
        self.over = threading.Event()

    def beat(self) -> None:
        super().beat()
        self._left -= 1
        if self._left == 0:
            self.stuck.set()
            self.over.wait(60)
