"""Events that are told by the program that makes the changes, or lost by it on purpose."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from prismd.paths.opening import lstat
from prismd.watch.events import Cover, Events, Hints
from tests.watch.disk import GONE

LOST = b"\xff lost"


class Told:
    """Tells what a test has it tell, of the folders that are covered, as inotify would.

    What happens is kept until ``deliver`` says that it is told, once, twice, out of order, or
    never.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._covered: dict[int, bytes] = {}
        self._now: list[Hints] = []
        self._woken = self._closed = False
        self._rounds = self._taken = 0
        self.kept: list[bytes] = []

    # For the test

    def happened(self, folder: int, name: bytes) -> None:
        """Something changed in a folder, or, without a name, the folder itself."""
        with self._turn:
            path = self._covered.get(folder)
            if path is None:
                return
            if name == GONE:
                self.kept.append(self._covered.pop(folder))
            elif not name:
                self.kept.append(path)
            elif _is_utf8(name):
                self.kept.append(path + b"/" + name)
            else:
                self.kept.append(LOST)  # watchfiles breaks over such a name

    def deliver(self, *batches: Sequence[bytes]) -> None:
        """Tell of changes, and wait until all have been looked into."""
        for batch in batches:
            if batch:
                self._tell(Hints(frozenset(batch) - {LOST}, lost=LOST in batch))

    def settle(self) -> None:
        """Have it looked round, and wait for the end of it."""
        self._tell(Hints())

    def _tell(self, hints: Hints) -> None:
        with self._turn:
            self._now.append(hints)
            self._turn.notify_all()
            assert self._turn.wait_for(lambda: not self._now or self._closed, 60)
            # What it was told has been looked into when it waits for more.
            assert self._turn.wait_for(lambda: self._rounds > self._taken or self._closed, 60)

    # For the watcher

    def cover(self, folders: Mapping[bytes, int]) -> Cover:
        told = {path: inode for path, inode in folders.items() if _is_utf8(path)}
        with self._turn:
            before = set(self._covered.values())
            self._covered = {inode: path for path, inode in told.items()}
        return Cover(frozenset(folders.keys() - told.keys()), frozenset(told.keys() - before))

    def wait(self, timeout_s: float) -> Hints:
        with self._turn:
            self._rounds += 1
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._now or self._woken or self._closed, timeout_s)
            self._woken = False
            hints = Hints()
            if self._now:
                hints, self._taken = self._now.pop(0), self._rounds
            self._turn.notify_all()
            return hints

    def wake(self) -> None:
        with self._turn:
            self._woken = True
            self._turn.notify_all()

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._turn.notify_all()


class Lossy:
    """The system's events, of which some are dropped, told twice, late or as lost.

    Args:
        events: Those of the system.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._late: frozenset[bytes] = frozenset()
        self.fault = ""
        """What is done to the events from now on."""
        self.lost = 0
        """How many were dropped without a word."""

    def cover(self, folders: Mapping[bytes, int]) -> Cover:
        return self._events.cover(folders)

    def wait(self, timeout_s: float) -> Hints:
        found, late = self._events.wait(min(timeout_s, 0.2)), self._late
        self._late = frozenset()
        if self.fault == "drop" and found.paths:
            dropped = frozenset(sorted(found.paths)[::2])
            self.lost += len(dropped)
            found = Hints(found.paths - dropped, found.lost)
        elif self.fault == "delay":
            self._late, found = found.paths, Hints(lost=found.lost)
        elif self.fault == "double":
            self._late = found.paths
        elif self.fault == "lost" and found.paths:
            return Hints(lost=True)
        return Hints(found.paths | late, found.lost)

    def wake(self) -> None:
        self._events.wake()

    def close(self) -> None:
        self._events.close()


def _stands(path: bytes, inode: int) -> bool:
    try:
        return lstat(path).st_ino == inode
    except OSError:
        return False


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
