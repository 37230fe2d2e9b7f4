"""What threads ask of disks, any of which may never answer.

A thread that names itself as an asker can be left behind in what it asks: others see for how long
it has been without an answer, and nobody needs to wait for it. What other threads ask is not
noted.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from prismd.errors import PrismdError


class GivenUp(PrismdError):
    """What this thread asked of a disk was given up before the answer came."""


class Question:
    """Something that is asked of a disk; no two are equal."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self._asked_s = time.monotonic()

    def age_s(self) -> float:
        """For how long it has been without an answer."""
        return time.monotonic() - self._asked_s


class Asker:
    """A thread that asks disks; may be looked at by any.

    Attributes:
        refused: Whether the last answer was an error; once it was given up, the first one then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._question: Question | None = None
        self._given_up = False
        self._told = False
        self.refused = False

    @property
    def question(self) -> Question | None:
        """What it waits for an answer to; None while it asks nothing."""
        return self._question

    def give_up(self, question: Question) -> bool:
        """Wait for an answer no more, should it ever come: the thread is told so by ``GivenUp``.

        Returns:
            Whether there is none yet; otherwise nothing is done.
        """
        with self._lock:
            if self._question is not question:
                return False
            self._given_up = True
            return True

    def ask(self, path: bytes) -> None:
        """Something is asked from now on."""
        self._question = Question(path)

    def answered(self, *, refused: bool) -> None:
        """It has been answered.

        Raises:
            GivenUp: Nobody waits for it any more, nor for this thread.
        """
        with self._lock:
            self._question = None
            if not self._told:
                self.refused = refused
            if self._given_up:
                self._told = True
                raise GivenUp("a disk took too long to answer")


class _Here(threading.local):
    asker: Asker | None = None


_here = _Here()


@contextlib.contextmanager
def asks_as(asker: Asker) -> Iterator[None]:
    """What this thread asks of disks is noted as long as the context lasts."""
    _here.asker = asker
    try:
        yield
    finally:
        _here.asker = None


@contextlib.contextmanager
def asking(path: bytes) -> Iterator[None]:
    """A disk is asked for something that is at a path.

    Raises:
        GivenUp: In a thread that has an asker: it took so long that it was given up.
    """
    asker = _here.asker
    if asker is None:
        yield
        return
    asker.ask(path)
    refused = False
    try:
        yield
    except OSError:
        refused = True
        raise
    finally:
        asker.answered(refused=refused)
