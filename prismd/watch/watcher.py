"""Keeps one root in step with the disk, for as long as it runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from prismd.errors import PrismdError
from prismd.opening import lstat
from prismd.store.files import Root
from prismd.watch.clock import Clock
from prismd.watch.events import Events, Hints
from prismd.watch.mounts import Mounts
from prismd.watch.rules import Rules
from prismd.watch.sweep import Sweep, Sweeper

log = logging.getLogger(__name__)

_TICK_S = 5.0
"""How often a root is looked at, whatever is told; also how soon a disk that is back is seen."""
_MANY = 1_000
"""So many changes at once are more cheaply found by a sweep; and where there are many, the
system may have dropped others."""
_REST = 4.0
"""After looking, so many times as long as it took is given to others, up to ``_TICK_S``."""
_RETRY_S = 5.0


class WatchSettings(msgspec.Struct, frozen=True):
    """How often the disk is looked at.

    Attributes:
        rescan_s: All of it, whatever was told.
        poll_s: What nothing is told of.
    """

    rescan_s: float = 300.0
    poll_s: float = 30.0


class WatchState(msgspec.Struct, frozen=True):
    """How a root is watched.

    Attributes:
        detail: What is out of the ordinary, fit to show; empty when nothing is.
    """

    state: Literal["starting", "watching", "polling", "offline"] = "starting"
    detail: str = ""


class Watcher:
    """Watches one root in a thread of its own.

    Args:
        root: The folder.
        sweeper: Brings the index to what is on disk.
        events: Tells where something may have changed.
        mounts: The mount points as they are now.
        settings: How often to look.
        on_sweep: Told of what was found, in the watcher's thread.
        on_clock_set: Called when the clock was set.
    """

    def __init__(
        self,
        root: Root,
        sweeper: Sweeper,
        events: Events,
        mounts: Callable[[], Mounts],
        settings: WatchSettings,
        on_sweep: Callable[[Sweep], None],
        on_clock_set: Callable[[], None],
    ) -> None:
        self.root = root
        self._path = os.fsencode(root.path)
        self._sweeper = sweeper
        self._events = events
        self._mounts = mounts
        self._settings = settings
        self._on_sweep = on_sweep
        self._on_clock_set = on_clock_set
        self._clock = Clock()
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._wanted.set()
        self._asked = 1
        self._answered = 0
        self._covered = -1
        self._told: frozenset[bytes] = frozenset()
        self._left: frozenset[bytes] = frozenset()
        self._next_sweep_s = 0.0
        self._next_poll_s = 0.0
        self._here: tuple[int, int] | None = None
        self.state = WatchState()
        self._thread = threading.Thread(target=self._loop, name="prismd-watch", daemon=True)

    def start(self) -> None:
        """Begin with a sweep of everything."""
        self._thread.start()

    def rescan(self) -> None:
        """Sweep everything as soon as possible."""
        self._asked += 1
        self._wanted.set()
        self._events.wake()

    def follow(self, rules: Rules) -> None:
        """Go by these rules from now on."""
        if rules != self._sweeper.rules:
            self._sweeper.rules = rules
            self.rescan()

    @property
    def started(self) -> bool:
        """Whether everything has been looked through once."""
        return self._answered > 0

    def swept(self) -> bool:
        """Whether everything has been looked through since that was asked for last."""
        return self._answered == self._asked

    def stop(self) -> None:
        """End; a sweep in hand is finished first."""
        self._stopping.set()
        self._events.wake()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round()
            except (PrismdError, OSError) as error:
                log.error("%s: could not be looked through (%s)", self.root.path, error)
                self._try_again()
            except Exception:
                # A root must not go unwatched for a fault of ours.
                log.exception("%s: could not be looked through; please report this", self.root.path)
                self._try_again()
        self._events.close()

    def _try_again(self) -> None:
        self._wanted.set()
        self._covered = -1
        self._stopping.wait(_RETRY_S)

    def _round(self) -> None:
        began_s = time.monotonic()
        if self._wanted.is_set() or began_s >= self._next_sweep_s:
            self._sweep_all()
        elif self._left and began_s >= self._next_poll_s:
            self._report(self._sweeper.relist(self._left))
            self._next_poll_s = time.monotonic() + self._settings.poll_s
        self._cover()
        spent_s = time.monotonic() - began_s
        self._stopping.wait(min(_REST * spent_s, _TICK_S))
        now_s = time.monotonic()
        due_s = min(self._next_sweep_s, self._next_poll_s if self._left else now_s + _TICK_S)
        wait_s = 0.0 if self._wanted.is_set() else max(0.0, min(due_s - now_s, _TICK_S))
        self._clock.expect(wait_s)
        self._heed(self._events.wait(wait_s))

    def _sweep_all(self) -> None:
        self._wanted.clear()
        asked = self._asked
        self._here = _identity(self._path)
        self._report(self._sweeper.sweep())
        self._answered = asked
        self._next_sweep_s = time.monotonic() + self._settings.rescan_s

    def _heed(self, hints: Hints) -> None:
        """Look where something is said to have changed, or everywhere where that is not sure."""
        if self._clock.was_set():
            self._on_clock_set()
        if hints.lost:
            self._covered = -1
        suspicious = hints.lost or len(hints.paths) > _MANY or self._clock.was_away()
        if suspicious or _identity(self._path) != self._here:
            self._wanted.set()
        elif hints.paths:
            self._report(self._sweeper.look_at(hints.paths))

    def _cover(self) -> None:
        """Have changes told in every folder that is looked into."""
        while self._covered != self._sweeper.generation and not self._stopping.is_set():
            self._covered = self._sweeper.generation
            seen, mounts = self._sweeper.seen, self._mounts()
            wanted = {
                path: folder.inode
                for path, folder in seen.items()
                if not folder.odd_names and not mounts.is_silent(path)
            }
            left = self._events.cover(wanted)
            told = frozenset(wanted.keys() - left)
            new, self._told = told - self._told, told
            self._left = frozenset(seen.keys() - told)
            # What happened in them between the sweep and now has not been told.
            self._report(self._sweeper.relist(new))

    def _report(self, found: Sweep) -> None:
        self.state = self._state(found)
        self._on_sweep(found)

    def _state(self, found: Sweep) -> WatchState:
        if found.offline:
            return WatchState("offline", "it is not there; what is known of it is kept")
        folders, left = len(self._sweeper.seen), len(self._left)
        details = []
        if left:
            which = "all" if left == folders else f"{left:,} of {folders:,}"
            details.append(
                f"{which} folders are looked at every {self._settings.poll_s:g} s,"
                " for nothing is told of changes in them"
            )
        if found.unplugged:
            details.append(f"{found.unplugged:,} files are on a disk that is not there")
        if found.unreadable:
            details.append(f"{len(found.unreadable):,} folders cannot be read")
        return WatchState("polling" if left == folders else "watching", "; ".join(details))


def _identity(path: bytes) -> tuple[int, int] | None:
    """Which folder stands at a path."""
    try:
        found = lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
