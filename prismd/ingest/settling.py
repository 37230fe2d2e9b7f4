"""When a file can be read: not while somebody still writes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from prismd.disk.looking import is_being_written
from prismd.store.files import Entry

_STILL_S = 0.5
_STILL_UNASKED_S = 1.0
"""Where the system does not tell who writes, stillness is all there is to go by."""
_TICK_S = 0.05
"""What is written once more within a tick of the system's clock has the same time as before."""
_COARSE_TICK_S = 2.1
"""The disks of cameras and sticks (FAT) note every second one, older disks whole ones."""
_HELD_S = 30.0
"""Some programs keep a file open for writing all day (logs, office programs): what has been
still for so long is read all the same."""
_LONGEST_WAIT_S = 5.0
_LONGEST_BACKOFF_S = 300.0
_MOST_ROUNDS = 16
"""More make no difference, and in the end a number too large to be one."""
_MOST_FILES = 10_000
"""Of so many is known how they settle: those of which nothing is heard any more must not add up."""

Noted = TypeVar("Noted")


class Settling:
    """Tells how long files are to be left alone; any number of threads may ask.

    Args:
        wall: Seconds since the epoch, as the computer has them.
        monotonic: Seconds that pass.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rounds: dict[int, int] = {}  # both in the order of the last look
        self._seen: dict[int, tuple[Entry, float]] = {}

    def delay_s(self, file_id: int, path: str, entry: Entry) -> float:
        """For how long a file is to be left alone; 0 when it can be read.

        Args:
            file_id: The file.
            path: Its path.
            entry: It, as it is now.

        Raises:
            OSError: It cannot be opened.
        """
        tick_s = _tick_s(entry)
        noted_s = self._wall() - entry.ctime_ns / 1e9
        if 0 <= noted_s < tick_s:
            return tick_s - noted_s
        still_s = self._still_s(file_id, entry)
        if still_s < _STILL_S:
            return _STILL_S - still_s
        written = is_being_written(path)
        if written is None:
            return max(0.0, _STILL_UNASKED_S - still_s)
        if written and still_s < _HELD_S:
            return min(max(still_s, _STILL_S), _LONGEST_WAIT_S, _HELD_S - still_s)
        return 0.0

    def _still_s(self, file_id: int, entry: Entry) -> float:
        """For how long a file has been as it is, as far as is known."""
        now_s = self._wall()
        # A program may give a file any time, but the system notes when it did.
        for changed_ns in (entry.mtime_ns, entry.ctime_ns):
            if (age_s := now_s - changed_ns / 1e9) >= 0:
                return age_s
        # The clock was set back: the time since it was looked at first has to do.
        with self._lock:
            seen, since_s = self._seen.pop(file_id, (None, 0.0))
            if seen != entry:
                since_s = self._monotonic()
            _put_last(self._seen, file_id, (entry, since_s))
        return self._monotonic() - since_s

    def changed(self, file_id: int) -> float:
        """For how long a file that changes while it is looked at is to be left alone.

        Longer each time, so that what is written all day is not read all day.
        """
        with self._lock:
            rounds = self._rounds.pop(file_id, 0)
            _put_last(self._rounds, file_id, rounds + 1)
        return min(_STILL_S * 2.0 ** min(rounds, _MOST_ROUNDS), _LONGEST_BACKOFF_S)

    def done(self, file_id: int) -> None:
        """A file was read, or has gone."""
        with self._lock:
            self._rounds.pop(file_id, None)
            self._seen.pop(file_id, None)


def _put_last(notes: dict[int, Noted], file_id: int, note: Noted) -> None:
    """Note something of a file, and forget what was noted longest ago where there is too much."""
    notes[file_id] = note
    if len(notes) > _MOST_FILES:
        del notes[next(iter(notes))]


def _tick_s(entry: Entry) -> float:
    """For how long a file may change once more and keep its time."""
    is_coarse = entry.mtime_ns % 10**9 == 0 == entry.ctime_ns % 10**9
    return _COARSE_TICK_S if is_coarse else _TICK_S
