"""Folders by the paths that they really have, as far as their disks answer.

A share whose computer is away may leave whoever looks at it waiting for ever. Nothing but the
folders on it may wait for it, so it is asked in a thread that can be left behind.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_PATIENCE_S = 5.0
_asking: dict[str, threading.Thread] = {}
"""Who waits for an answer about a path, and was left behind."""


def real_path(path: str | Path) -> str:
    """A path without links; as it stands where its disk does not answer."""
    as_it_stands = os.path.abspath(path)  # noqa: PTH100 - resolving it is what may not end
    return _answered(path, lambda: os.path.realpath(path), as_it_stands)


def is_folder(path: str | Path) -> bool | None:
    """Whether a folder is there; None where its disk does not answer."""
    return _answered(path, lambda: Path(path).is_dir(), None)


def _answered(path: str | Path, ask: Callable[[], T], otherwise: T) -> T:
    """What the disk says, or else what is to be said without it."""
    key, answers = str(path), list[T]()
    before = _asking.get(key)
    if before is not None and before.is_alive():
        return otherwise  # it has not answered the last one yet
    thread = threading.Thread(target=lambda: answers.append(ask()), name="prismd-path", daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if answers:
        _asking.pop(key, None)
        return answers[0]
    _asking[key] = thread
    return otherwise
