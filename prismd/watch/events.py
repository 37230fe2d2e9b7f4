"""What the system tells of changes: hints, to be looked into, never to be relied on.

Events get lost without a word when there are too many, when a folder is made anew, or when a
name is not UTF-8. So nothing here says what has changed, only where to look, and when to look at
everything.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Protocol

import msgspec
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from prismd.paths.opening import lstat
from prismd.watch.inotify import (
    UNTOLD,
    Opened,
    WatchLimit,
    close_watches,
    hear_out,
    inodes_watched,
    open_watches,
    refusal,
    shortage,
    system_limit,
    watched_of,
)

_DEBOUNCE_MS = 400
_STEP_MS = 100
_VERIFY_S = 60.0
_MODIFIED = 2
_REFUSALS = (OSError, WatchfilesRustInternalError)


class Hints(msgspec.Struct, frozen=True):
    """Where something may have changed.

    Attributes:
        paths: Files and folders.
        lost: Whether it may have changed anywhere else as well.
        deaf: Whether some folder tells nothing any more until it is covered anew.
    """

    paths: frozenset[bytes] = frozenset()
    lost: bool = False
    deaf: bool = False


class Cover(msgspec.Struct, frozen=True):
    """Of which folders changes are told.

    Attributes:
        left: Those of which nothing will be told.
        fresh: Those of which it is told from now on, but was not until now.
        shortage: Why some are left that could be covered, and what helps; empty when none are.
    """

    left: frozenset[bytes] = frozenset()
    fresh: frozenset[bytes] = frozenset()
    shortage: str = ""


class Events(Protocol):
    """Tells of changes in the folders of one root; for one thread, ``wake`` for any."""

    def cover(self, folders: Mapping[bytes, int]) -> Cover:
        """Watch these folders from now on, and no others.

        Args:
            folders: The folders with their inodes.
        """

    def wait(self, timeout_s: float) -> Hints:
        """Wait for changes; those of a moment come together."""

    def wake(self) -> None:
        """End the ``wait`` that goes on, or else the next one."""

    def close(self) -> None:
        """Watch nothing any more."""


class SystemEvents:
    """Events of the operating system, by watchfiles.

    Args:
        root: The root's path.
        limit: Shared by all roots.
        by_folder: Whether folders are watched one by one, as Linux has it; macOS watches a whole
            tree at once.
    """

    def __init__(
        self, root: bytes, limit: WatchLimit, *, by_folder: bool = sys.platform == "linux"
    ) -> None:
        self._root = root
        self._limit = limit
        self._by_folder = by_folder
        self._opened: Opened | None = None
        self._broken = False
        self._watched: dict[bytes, int] = {}
        self._dead: set[bytes] = set()
        self._unsaid: set[tuple[int, str]] = set()
        self._unsaid_lost = False
        self._watches = 0
        self._next_verify_s = 0.0
        self._woken = _Woken()

    def cover(self, folders: Mapping[bytes, int]) -> Cover:
        """See ``Events``."""
        if not self._by_folder:
            return self._cover_tree(folders)
        wanted = {path: inode for path, inode in folders.items() if is_utf8(path)}
        most = self._limit.take(self, len(wanted))
        chosen = dict(list(wanted.items())[:most])
        before, heard, was_broken = self._opened, self._heard(), self._broken
        # The old watches stay until the new ones are there, so that nothing happens unseen.
        why = self._open(chosen)
        if before is not None:
            if not was_broken:
                self._hear_out(before)
            close_watches(before)
            if why:  # it may have been the old ones that took the room
                self._close()
                why, heard = self._open(chosen), {}
        if len(chosen) < len(wanted):
            why = why or shortage(len(wanted), system_limit())
        watched = self._watched
        fresh = {path for path, inode in watched.items() if heard.get(path) != inode}
        return Cover(frozenset(folders.keys() - watched.keys()), frozenset(fresh), why)

    def _hear_out(self, before: Opened) -> None:
        """Keep what the watches that are about to be closed have not told yet."""
        try:
            self._unsaid |= hear_out(before)
        except WatchfilesRustInternalError:
            self._unsaid_lost = True

    def _heard(self) -> dict[bytes, int]:
        """The folders of which everything was told until now."""
        if self._broken:
            return {}
        return {path: ino for path, ino in self._watched.items() if path not in self._dead}

    def _open(self, chosen: dict[bytes, int]) -> str:
        """Watch folders; gives why some could not be watched."""
        self._opened, self._broken, self._dead = None, False, set()
        self._watched, self._watches = {}, 0
        if not chosen:
            return ""
        try:
            opened = open_watches([path.decode() for path in chosen])
        except _REFUSALS as error:
            return refusal(error)
        self._opened = opened
        inodes = inodes_watched(opened)
        self._watches = len(inodes)
        watched = watched_of(chosen, inodes)
        self._watched = {path: chosen[path] for path in chosen if path in watched}
        left = (path for path in chosen if path not in watched)
        if not any(map(_may_be_watched, left)):
            return ""
        return shortage(len(chosen), system_limit()) if opened.descriptor else UNTOLD

    def _cover_tree(self, folders: Mapping[bytes, int]) -> Cover:
        """Watch the root with all that is in it; anew only where it stands anew."""
        root = {path: inode for path, inode in folders.items() if path == self._root}
        if self._opened is not None and not self._broken and self._watched == root:
            return Cover()
        self._close()
        self._broken, self._watched = False, {}
        try:
            lstat(self._root)  # watchfiles is content with what is not there
            opened = Opened(RustNotify([self._root.decode()], False, False, 0, True, True), "")
        except (*_REFUSALS, UnicodeDecodeError) as error:
            return Cover(frozenset(folders), shortage=f"the system refused ({error})")
        self._opened, self._watched = opened, root
        return Cover(fresh=frozenset(folders))

    def wait(self, timeout_s: float) -> Hints:
        """See ``Events``."""
        if self._unsaid or self._unsaid_lost:
            unsaid, lost = self._unsaid, self._unsaid_lost
            self._unsaid, self._unsaid_lost = set(), False
            return self._hints(unsaid, lost=lost)
        if self._opened is None or self._broken:
            self._woken.wait(timeout_s)
            return Hints()
        timeout_ms = max(1, int(timeout_s * 1000))  # 0 would be for ever
        try:
            found = self._opened.notify.watch(_DEBOUNCE_MS, _STEP_MS, timeout_ms, self._woken)
        except WatchfilesRustInternalError:
            # It says the same for ever from now on; what it said before is lost.
            self._broken = True
            return Hints(lost=True, deaf=True)
        if found == "timeout":
            lost = self._has_lost_watches()
            self._broken = lost
            return Hints(lost=lost, deaf=lost)
        if isinstance(found, str):
            self._woken.clear()
            return Hints(lost=True)  # watchfiles drops what it has to tell when it is stopped
        return self._hints(found)

    def _hints(self, found: set[tuple[int, str]], *, lost: bool = False) -> Hints:
        paths = frozenset(os.fsencode(path) for _, path in found)
        # A folder that was made anew is another one, though it may have the same inode.
        renewed = {os.fsencode(path) for kind, path in found if kind != _MODIFIED}
        self._dead |= renewed & self._watched.keys()
        return Hints(paths, lost=lost, deaf=bool(self._dead))

    def _has_lost_watches(self) -> bool:
        """Whether the kernel watches less than it did, as when a folder was deleted unheard."""
        began_s = time.monotonic()
        if not self._by_folder or self._opened is None or began_s < self._next_verify_s:
            return False
        fewer = len(inodes_watched(self._opened)) < self._watches
        spent_s = time.monotonic() - began_s
        self._next_verify_s = began_s + max(_VERIFY_S, 200 * spent_s)
        return fewer

    def wake(self) -> None:
        """See ``Events``."""
        self._woken.set()

    def close(self) -> None:
        """See ``Events``."""
        self._limit.leave(self)
        self._close()

    def _close(self) -> None:
        if self._opened is not None:
            close_watches(self._opened)
            self._opened = None


class _Woken(threading.Event):
    """What watchfiles asks whether it is to stop."""

    def wait(self, timeout: float | None = None) -> bool:
        woken = super().wait(timeout)
        self.clear()
        return woken


def _may_be_watched(folder: bytes) -> bool:
    """Whether the system would watch a folder if it had room: it takes what can be listed."""
    try:
        os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def is_utf8(path: bytes) -> bool:
    """Whether changes at a path can be told at all."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
