"""Disks that do not answer, as far as threads can tell: each asks, and waits until it is let go."""

from __future__ import annotations

import errno
import os
import threading
from typing import Any

import pytest

from prismd.disk.asking import asking
from prismd.disk.looking import disk_of

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


def refuse_to_list(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Have the disk of a folder refuse itself, too, and not only what ``Silence`` holds up."""
    point, scandir = os.fsdecode(disk_of(os.fsencode(folder)).point), os.scandir

    def refuse(path: Any = ".") -> Any:
        if path == point:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
