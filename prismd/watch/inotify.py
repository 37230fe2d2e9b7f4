"""Folders watched one by one on Linux, and which of them are watched in fact.

watchfiles passes over, without a word, what it may not watch and what is beyond the system's
limit. The kernel says what it watches, by inode, in ``/proc/self/fdinfo``.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import resource
import sys
import termios
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

_WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
_OWN_DESCRIPTORS = Path("/proc/self/fd")
_OWN_DESCRIPTOR_INFO = Path("/proc/self/fdinfo")
SHARE = 2
"""Other programs of the same user watch too: at most one in so many watches is taken."""
_CLOSING_S = 1.0
_HEARING_MS = 10
_SPARE_DESCRIPTORS = 16
_opening = threading.Lock()
UNTOLD = "the system does not say which folders it watches; /proc has to be mounted"
"""Why folders are left though they may be watched: nobody can tell."""


class WatchLimit:
    """How many folders may be watched, all roots together.

    Args:
        most: So many; a share of what the system allows unless given.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most if most is not None else (system_limit() or sys.maxsize) // SHARE
        self._taken: dict[object, int] = {}
        self._lock = threading.Lock()

    def take(self, owner: object, wanted: int) -> int:
        """Take what is wanted, or what is left; what the owner had before goes back."""
        with self._lock:
            others = sum(count for who, count in self._taken.items() if who is not owner)
            self._taken[owner] = max(0, min(wanted, self._most - others))
            return self._taken[owner]

    def leave(self, owner: object) -> None:
        """Give back what an owner has, for good."""
        with self._lock:
            self._taken.pop(owner, None)


class Opened(NamedTuple):
    """Folders that are watched together; the kernel's name for them is empty where unknown."""

    notify: RustNotify
    descriptor: str


def open_watches(folders: list[str]) -> Opened:
    """Watch folders.

    Raises:
        OSError: They cannot be watched.
        WatchfilesRustInternalError: They cannot be watched.
    """
    with _opening:
        before = _inotify_descriptors()
        notify = RustNotify(folders, False, False, 0, False, True)
        new = _inotify_descriptors() - before
    return Opened(notify, new.pop() if len(new) == 1 else "")


def hear_out(opened: Opened) -> set[tuple[int, str]]:
    """What has happened by now, and was not told yet.

    Raises:
        WatchfilesRustInternalError: That cannot be told any more.
    """
    end_s = time.monotonic() + _CLOSING_S
    with contextlib.suppress(OSError):
        while _has_more(opened.descriptor) and time.monotonic() < end_s:
            time.sleep(0.001)
    # The thread that took the last of it from the kernel is given a moment to pass it on.
    found = opened.notify.watch(_HEARING_MS, _HEARING_MS, _HEARING_MS, None)
    return set() if isinstance(found, str) else found


def _has_more(descriptor: str) -> bool:
    """Whether the kernel has events that nobody has taken yet."""
    if not descriptor:
        return False
    left = array.array("i", [0])
    fcntl.ioctl(int(descriptor), termios.FIONREAD, left)
    return left[0] > 0


def close_watches(opened: Opened) -> None:
    """Watch these folders no more.

    The descriptor is closed a moment later, by another thread. It is waited for, or its number
    could be taken for that of the next one.
    """
    if not opened.descriptor:
        opened.notify.close()
        return
    with _opening:
        opened.notify.close()
        end_s = time.monotonic() + _CLOSING_S
        with contextlib.suppress(OSError):  # no descriptor is left to look for it
            while opened.descriptor in _inotify_descriptors() and time.monotonic() < end_s:
                time.sleep(0.001)


def inodes_watched(opened: Opened) -> list[int]:
    """The inodes that are watched, one for each folder; none where that is not known."""
    if not opened.descriptor:
        return []
    try:
        lines = (_OWN_DESCRIPTOR_INFO / opened.descriptor).read_text().splitlines()
    except OSError:
        return []
    watches = (line.split() for line in lines if line.startswith("inotify"))
    return [
        int(field.removeprefix("ino:"), 16)
        for fields in watches
        for field in fields
        if field.startswith("ino:")
    ]


def watched_of(wanted: Mapping[bytes, int], inodes: list[int]) -> set[bytes]:
    """The folders that are watched for certain. Pure.

    Args:
        wanted: Folders that were to be watched, with their inodes.
        inodes: What is watched. Where it is less, and two folders on two disks have the same
            inode, it may be either.
    """
    if len(inodes) >= len(wanted):
        return set(wanted)
    named, there = Counter(wanted.values()), frozenset(inodes)
    return {path for path, inode in wanted.items() if inode in there and named[inode] == 1}


def shortage(wanted: int, limit: int | None) -> str:
    """Why not all folders are watched, and what helps. Pure.

    Args:
        wanted: How many folders there are to watch.
        limit: As ``system_limit`` has it.
    """
    setting = "fs.inotify.max_user_watches"
    if limit is None:
        return f"the system's limit of watched folders is reached; raise it ({setting})"
    return (
        "the system's limit of watched folders is reached; raise it:"
        f" sudo sysctl {setting}={raised_limit(wanted, limit)}"
    )


def raised_limit(wanted: int, limit: int) -> int:
    """A limit that lets folders be watched, all programs considered. Pure.

    Args:
        wanted: How many folders there are to watch.
        limit: The present one.
    """
    enough = 1 << max(16, (SHARE * SHARE * wanted).bit_length())
    return enough if enough > limit else 2 * limit


def refusal(error: Exception) -> str:
    """Why none can be watched, and what helps."""
    if isinstance(error, WatchfilesRustInternalError) and "os error 24" not in str(error):
        return f"the system refused ({error})"
    if _descriptors_left() < _SPARE_DESCRIPTORS:
        return "prismd has as many files open as it may; raise its limit (ulimit -n)"
    return (
        "the system's limit of watching programs is reached; raise it:"
        " sudo sysctl fs.inotify.max_user_instances=1024"
    )


def _descriptors_left() -> int:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return most - sum(1 for _ in _OWN_DESCRIPTORS.iterdir())
    except FileNotFoundError:
        return most
    except OSError:
        return 0


def _inotify_descriptors() -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError):  # there is no /proc
        for descriptor in _OWN_DESCRIPTORS.iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                if "inotify" in str(descriptor.readlink()):
                    found.add(descriptor.name)
    return found


def system_limit() -> int | None:
    """How many folders the system lets a user watch; None where that cannot be known."""
    try:
        return int(_WATCH_LIMIT.read_text())
    except (OSError, ValueError):
        return None
