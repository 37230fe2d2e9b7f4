"""Disks that do not answer, as far as threads can tell: each asks, and waits until it is let go."""

from __future__ import annotations

import os
import threading

from prismd.asking import asking

_PATIENCE_S = 60.0


class Silence:
    """A disk that answers nothing until it is told to; everybody who asks it waits."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.error: OSError | None = None
        self.asked: list[str] = []
        self.came_back: list[str] = []

    def ask(self, path: str) -> None:
        """Ask the disk of a path for something."""
        with asking(os.fsencode(path)):
            self.asked.append(path)
            assert self.over.wait(_PATIENCE_S)
            self.came_back.append(path)
            if self.error is not None:
                raise self.error
