"""What the system tells of changes: hints, to be looked into, never to be relied on.

Events get lost without a word when there are too many, when a folder is made anew, or when a
name is not UTF-8. So nothing here says what has changed, only where to look, and when to look at
everything.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

_DEBOUNCE_MS = 400
_STEP_MS = 100
_WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
_OWN_DESCRIPTORS = Path("/proc/self/fd")
_OWN_DESCRIPTOR_INFO = Path("/proc/self/fdinfo")
_SHARE = 2
"""Other programs of the same user watch too: at most one in so many watches is taken."""
_by_folder = sys.platform == "linux"
"""Whether folders are watched one by one; macOS watches a whole tree at once."""
_opening = threading.Lock()


class Hints(msgspec.Struct, frozen=True):
    """Where something may have changed.

    Attributes:
        paths: Files and folders.
        lost: Whether it may have changed anywhere else as well.
    """

    paths: frozenset[bytes] = frozenset()
    lost: bool = False


class Events(Protocol):
    """Tells of changes in the folders of one root; for one thread, ``wake`` for any."""

    def cover(self, folders: Mapping[bytes, int]) -> frozenset[bytes]:
        """Watch these folders from now on, and no others.

        Args:
            folders: The folders with their inodes.

        Returns:
            Those of which nothing will be told.
        """

    def wait(self, timeout_s: float) -> Hints:
        """Wait for changes; those of a moment come together."""

    def wake(self) -> None:
        """End the ``wait`` that goes on, or else the next one."""

    def close(self) -> None:
        """Watch nothing any more."""


class WatchLimit:
    """How many folders may be watched, all roots together."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most if most is not None else _system_limit() // _SHARE
        self._taken: dict[object, int] = {}
        self._lock = threading.Lock()

    def take(self, owner: object, wanted: int) -> int:
        """Take what is wanted, or what is left; what the owner had before goes back."""
        with self._lock:
            others = sum(count for who, count in self._taken.items() if who is not owner)
            self._taken[owner] = max(0, min(wanted, self._most - others))
            return self._taken[owner]


class SystemEvents:
    """Events of the operating system, by watchfiles.

    Args:
        root: The root's path.
        limit: Shared by all roots.
    """

    def __init__(self, root: bytes, limit: WatchLimit) -> None:
        self._root = root
        self._limit = limit
        self._notify: RustNotify | None = None
        self._broken = False
        self._woken = _Woken()

    def cover(self, folders: Mapping[bytes, int]) -> frozenset[bytes]:
        """See ``Events``."""
        if not _by_folder:
            return self._cover_all(folders)
        told = {path: inode for path, inode in folders.items() if _is_utf8(path)}
        most = self._limit.take(self, len(told))
        chosen = [path.decode() for path in list(told)[:most]]
        # The old watches stay until the new ones are there, so that nothing happens unseen.
        before = self._notify
        self._notify, inodes = _open(chosen)
        self._broken = self._notify is None
        if before is not None:
            before.close()
        if inodes is not None and len(inodes) >= len(told):
            return frozenset(folders.keys() - told.keys())
        watched = {path for path, inode in told.items() if inodes is not None and inode in inodes}
        return frozenset(folders.keys() - watched)

    def _cover_all(self, folders: Mapping[bytes, int]) -> frozenset[bytes]:
        if self._notify is None:
            try:
                self._notify = RustNotify([os.fsdecode(self._root)], False, False, 0, True, True)
            except (OSError, WatchfilesRustInternalError, UnicodeEncodeError):
                return frozenset(folders)
        self._broken = False
        return frozenset()

    def wait(self, timeout_s: float) -> Hints:
        """See ``Events``."""
        notify = self._notify
        if notify is None or self._broken:
            self._woken.wait(timeout_s)
            return Hints()
        try:
            found = notify.watch(_DEBOUNCE_MS, _STEP_MS, int(timeout_s * 1000), self._woken)
        except WatchfilesRustInternalError:
            # It says the same for ever from now on; what it said before is lost.
            self._broken = True
            return Hints(lost=True)
        self._woken.clear()
        if isinstance(found, str):
            return Hints()
        return Hints(frozenset(os.fsencode(path) for _, path in found))

    def wake(self) -> None:
        """See ``Events``."""
        self._woken.set()

    def close(self) -> None:
        """See ``Events``."""
        self._limit.take(self, 0)
        if self._notify is not None:
            self._notify.close()
            self._notify = None


class _Woken(threading.Event):
    """What watchfiles asks whether it is to stop."""

    def wait(self, timeout: float | None = None) -> bool:
        woken = super().wait(timeout)
        self.clear()
        return woken


def _open(folders: list[str]) -> tuple[RustNotify | None, frozenset[int] | None]:
    """Watch folders; which ones are watched in fact, by inode, only the kernel says.

    watchfiles passes over those that it may not watch, and those beyond the system's limit.
    """
    if not folders:
        return None, frozenset()
    with _opening:
        before = _inotify_descriptors()
        try:
            notify = RustNotify(folders, False, False, 0, False, True)
        except (OSError, WatchfilesRustInternalError):
            return None, None
        (descriptor,) = _inotify_descriptors() - before or {""}
    return notify, _inodes_watched(descriptor)


def _inotify_descriptors() -> set[str]:
    found = set()
    for descriptor in _OWN_DESCRIPTORS.iterdir():
        try:
            if "inotify" in str(descriptor.readlink()):
                found.add(descriptor.name)
        except OSError:
            continue
    return found


def _inodes_watched(descriptor: str) -> frozenset[int]:
    """The inodes that an inotify descriptor watches."""
    try:
        lines = (_OWN_DESCRIPTOR_INFO / descriptor).read_text().splitlines()
    except OSError:
        return frozenset()
    watches = (line.split() for line in lines if line.startswith("inotify"))
    return frozenset(
        int(field.removeprefix("ino:"), 16)
        for fields in watches
        for field in fields
        if field.startswith("ino:")
    )


def _system_limit() -> int:
    try:
        return int(_WATCH_LIMIT.read_text())
    except (OSError, ValueError):
        return sys.maxsize


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
