"""Paths that hang whoever asks for them, as those on a share do whose computer is away."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prismd.paths import real_path as real_path_of

_PATIENCE_S = 60.0
_SOON_S = 0.2


class _Patience(threading.local):
    """How long an answer is waited for by this thread: shortly where none comes, else for long."""

    seconds = _PATIENCE_S

    def __radd__(self, now_s: float) -> float:
        return now_s + self.seconds


class HungPaths:
    """What the system is asked about some paths is not answered until it is let go.

    Args:
        monkeypatch: By which the system's answers are held back, and those waited for only shortly.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._over: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        real_path, is_dir = os.path.realpath, Path.is_dir

        def slow_real_path(path: str, **options: Any) -> str:
            self._wait(path)
            return real_path(path, **options)

        def slow_is_dir(path: Path) -> bool:
            self._wait(path)
            return is_dir(path)

        monkeypatch.setattr(os.path, "realpath", slow_real_path)
        monkeypatch.setattr(Path, "is_dir", slow_is_dir)
        patience, answered = _Patience(), real_path_of._answered

        def answered_in_time(ask: Callable[[str], Any], path: str) -> Any:
            patience.seconds = _SOON_S if path in self._over else _PATIENCE_S
            return answered(ask, path)

        monkeypatch.setattr(real_path_of, "_PATIENCE_S", patience)
        monkeypatch.setattr(real_path_of, "_answered", answered_in_time)

    def _wait(self, path: str | Path) -> None:
        if (over := self._over.get(str(path))) is not None:
            self.asked.append(str(path))
            assert over.wait(_PATIENCE_S)

    def hang(self, *paths: Path) -> None:
        """Nothing is answered about these from now on."""
        for path in paths:
            self._over[str(path)] = threading.Event()

    def answer(self, *paths: Path) -> None:
        """All is answered that was asked about these, and what will be."""
        for path in paths:
            self._over.pop(str(path)).set()

    def answer_all(self) -> None:
        """As ``answer``, about whatever hangs."""
        self.answer(*map(Path, list(self._over)))
