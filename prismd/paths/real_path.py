"""Folders by the paths that they really have, as far as their disks answer.

A share whose computer is away may leave whoever looks at it waiting for ever. Nothing but the
folders on it may wait for it, so it is asked in a thread that can be left behind.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

_PATIENCE_S = 5.0


class _Question(NamedTuple):
    """Something that a disk is asked, by one thread for all who want to know."""

    answer: Future[Any]
    until_s: float


_asking: dict[tuple[Callable[[str], object], str], _Question] = {}
"""What has not been answered yet, by what is asked about which path."""
_lock = threading.Lock()


def as_it_stands(path: str | Path) -> str:
    """A path from the top of all folders on, by its words alone: no disk is asked."""
    return os.path.abspath(path)  # noqa: PTH100 - resolving it is what may not end


def real_path(path: str | Path) -> str | None:
    """A path without links, at which nothing need be; None where its disk does not answer."""
    return _answered(_resolved, str(path))


def is_folder(path: str | Path) -> bool | None:
    """Whether a folder is there; None where its disk does not answer.

    Raises:
        OSError: It answers that it cannot tell: the way there is closed to this user, say.
    """
    return _answered(_is_folder, str(path))


def gives_out(folder: str | Path) -> bool | None:
    """Whether a folder says what is in it; None where its disk does not answer.

    Raises:
        OSError: It says that it does not.
    """
    return _answered(_listed, str(folder))


def holds_something(folder: str | Path) -> bool | None:
    """Whether there is anything in a folder but what is hidden; None without an answer.

    Raises:
        OSError: It does not say: it is no folder, or closed to this user.
    """
    return _answered(_filled, str(folder))


def _filled(folder: str) -> bool:
    with os.scandir(folder) as children:
        return any(not child.name.startswith(".") for child in children)


def _listed(folder: str) -> bool:
    with os.scandir(folder) as children:
        next(children, None)
    return True


def _resolved(path: str) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # there is no such name, on any disk
        return as_it_stands(path)


def _is_folder(path: str) -> bool:
    return Path(path).is_dir()


def _answered(ask: Callable[[str], T], path: str) -> T | None:
    """What the disk says, within the time that there is; None without an answer.

    Raises:
        OSError: The disk says so.
    """
    with _lock:
        question = _asking.get((ask, path))
        if question is None:
            question = _Question(Future(), time.monotonic() + _PATIENCE_S)
            work = threading.Thread(
                target=_ask, args=(ask, path, question.answer), name="prismd-path", daemon=True
            )
            work.start()
            _asking[ask, path] = question
    try:
        answer: T = question.answer.result(max(0.0, question.until_s - time.monotonic()))
    except TimeoutError:  # that is also what some disks say themselves
        return None
    return answer


def _ask(ask: Callable[[str], T], path: str, answer: Future[T]) -> None:
    try:
        found = ask(path)
    except BaseException as error:
        _end(ask, path)
        answer.set_exception(error)
    else:
        _end(ask, path)
        answer.set_result(found)


def _end(ask: Callable[[str], object], path: str) -> None:
    with _lock:
        del _asking[ask, path]
