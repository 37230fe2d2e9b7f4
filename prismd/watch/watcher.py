"""Keeps one root in step with the disk, for as long as it runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from prismd.encryption import discretion
from prismd.paths.opening import lstat
from prismd.progress.trouble import Troubles
from prismd.store.files import Root
from prismd.timing import duration
from prismd.watch.events import Events, Hints, is_utf8
from prismd.watch.mounts import Mounts
from prismd.watch.once import SILENT_S
from prismd.watch.rules import Rules
from prismd.watch.seen import Abandoned, Seen, Sweep
from prismd.watch.state import Reason, WatchState, state_of
from prismd.watch.sweep import Sweeper

log = logging.getLogger(__name__)

_TICK_S = 5.0
"""How often a root is looked at, whatever is told; also how soon a disk that is back is seen."""
_MANY = 1_000
"""So many changes at once are more cheaply found by a sweep; and where there are many, the
system may have dropped others."""
_REST = 4.0
"""After looking where something was told, so many times as long as it took is given to others, up
to ``_TICK_S``: where changes go on and on, looking must not take all of a core."""
_DOUBT_REST = 20.0
"""As ``_REST``, where a reader takes files out of the index, which puts all folders in doubt."""
_LASTING = 2
"""What has failed for longer than so many times of trying again is not over in a moment."""
_MAY_END: tuple[Reason, ...] = ("limit", "closed")
"""Why a folder may be watched by the next sweep though it could not be: others may have left
some of the limit, or somebody has allowed to read it."""


class WatchSettings(msgspec.Struct, frozen=True):
    """How often the disk is looked at.

    Attributes:
        rescan_s: All of it, whatever was told.
        poll_s: What nothing is told of.
        retry_s: What could not be looked through.
        silent_s: A disk that has not answered for so long is one that does not answer.
    """

    rescan_s: float = 300.0
    poll_s: float = 30.0
    retry_s: float = 5.0
    silent_s: float = SILENT_S


class Watcher:
    """Watches one root in a thread of its own.

    Args:
        root: The folder.
        sweeper: Brings the index to what is on disk.
        events: Tells where something may have changed.
        mounts: The mount points as they are now.
        settings: How often to look.
        on_sweep: Told of what was found, in the watcher's thread.
    """

    def __init__(
        self,
        root: Root,
        sweeper: Sweeper,
        events: Events,
        mounts: Callable[[], Mounts],
        settings: WatchSettings,
        on_sweep: Callable[[Sweep], None],
    ) -> None:
        self.root = root
        self._path = os.fsencode(root.path)
        self._sweeper = sweeper
        self._events = events
        self._mounts = mounts
        self._settings = settings
        self._on_sweep = on_sweep
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._wanted.set()
        self._asking = threading.Lock()
        self._asked = 1
        self._answered = 0
        self._hints = Hints()
        self._covered: tuple[object, ...] = ()
        self._left: dict[Reason, frozenset[bytes]] = {}
        self._shortage = ""
        self._next_sweep_s = 0.0
        self._next_poll_s = 0.0
        self._next_doubt_s = 0.0
        self._here: tuple[int, int, int] | None = None
        self._mounted = Mounts()
        self._pulse = sweeper.pulse
        self._named = f"watching {root.path}"
        self._told_root = discretion.folder(root.path, root.id)
        self._told = discretion.Told(self._named, f"watching {self._told_root.discreetly}")
        self._troubles = Troubles()
        self._state = WatchState()
        self._silence_noted = False
        self._thread = threading.Thread(target=self._loop, name="prismd-watch", daemon=True)

    def start(self) -> None:
        """Begin with a sweep of everything."""
        self._thread.start()

    def rescan(self) -> None:
        """Sweep everything as soon as possible."""
        with self._asking:
            self._asked += 1
        self._wanted.set()
        self._events.wake()

    def follow(self, rules: Rules, settings: WatchSettings) -> None:
        """Go by these rules and settings from now on."""
        self._settings = settings
        now_s = time.monotonic()
        self._next_sweep_s = min(self._next_sweep_s, now_s + settings.rescan_s)
        self._next_poll_s = min(self._next_poll_s, now_s + settings.poll_s)
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

    @property
    def answers(self) -> bool:
        """Whether its disk answers; one of which nothing is asked does."""
        return self._pulse.silent_s() <= self._settings.silent_s

    @property
    def fails(self) -> bool:
        """Whether it could not be looked through time and again, though its disk answers."""
        return self._troubles.age_s(self._named) > _LASTING * self._settings.retry_s

    @property
    def state(self) -> WatchState:
        """How the root is watched now."""
        details = [self._state.detail] if self._state.detail else []
        if fault := self._troubles.of():
            details.append(
                f"it could not be looked through ({fault});"
                f" tried again every {self._settings.retry_s:g} s"
            )
        patience_s, silent_s = self._settings.silent_s, self._pulse.silent_s()
        if silent_s <= patience_s:
            return WatchState(self._state.state, "; ".join(details))
        # In whole spans: what is told of it is another only now and then.
        told = duration(silent_s // patience_s * patience_s)
        details.append(f"its disk has not answered for {told}; what is known of it is kept")
        return WatchState("offline" if self.started else "starting", "; ".join(details))

    def note_silence(self) -> None:
        """Have nothing of it read as long as its disk does not answer; for any thread.

        Raises:
            StoreError: That could not be noted.
        """
        if self.answers:
            self._silence_noted = False
        elif not self._silence_noted:
            self._sweeper.set_offline()
            self._silence_noted = True
            log.warning("%s: its disk does not answer; other folders go on", self._told_root)

    def end(self) -> None:
        """Have it end soon; a sweep in hand is given up, and what it wrote down is kept."""
        self._stopping.set()
        self._sweeper.abandon()
        self._wanted.set()
        self._events.wake()

    def join(self, within_s: float) -> None:
        """Wait until it has ended; not for ever, for a disk may never answer."""
        self._thread.join(within_s)
        if self._thread.is_alive():
            log.warning("%s: its disk does not answer; it is left behind", self._told_root)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round()
            except Abandoned:
                break
            except Exception as error:
                # A disk or the index fails; nor must a root go unwatched for a fault of ours.
                self._try_again(error)
        self._events.close()

    def _try_again(self, error: Exception) -> None:
        fault = str(error) if isinstance(error, OSError) else error
        self._troubles.met(self._named, fault, self._told)
        self._pulse.rest()
        self._hints = Hints()
        self._covered = ()
        self._wanted.set()
        self._stopping.wait(self._settings.retry_s)

    def _round(self) -> None:
        began_s = time.monotonic()
        self._pulse.beat()
        hints, self._hints = self._hints, Hints()
        self._look(hints)
        self._cover()
        self._troubles.gone(self._named, self._told)
        self._pulse.rest()
        if hints.paths or hints.lost:  # else it was time for it, which it is not again so soon
            spent_s = time.monotonic() - began_s
            self._wanted.wait(min(_REST * spent_s, _TICK_S))
        self._hints = self._events.wait(self._patience_s())

    def _patience_s(self) -> float:
        """For how long there is nothing to do unless something is told."""
        if self._wanted.is_set():
            return 0.0
        now_s = time.monotonic()
        due_s = min(self._next_sweep_s, self._next_poll_s) if self._left else self._next_sweep_s
        return max(0.0, min(due_s - now_s, _TICK_S))

    def _look(self, hints: Hints) -> None:
        """Look where something is said to have changed, or everywhere where that is not sure."""
        if hints.deaf:
            self._covered = ()
        now_s = time.monotonic()
        suspicious = hints.lost or len(hints.paths) > _MANY or self._stands_elsewhere()
        if suspicious or self._wanted.is_set() or now_s >= self._next_sweep_s:
            self._sweep_all()
            return
        if hints.paths:
            self._report(self._sweeper.look_at(hints.paths))
        if self._left and now_s >= self._next_poll_s:
            self._report(self._sweeper.relist(frozenset().union(*self._left.values())))
            spent_s = time.monotonic() - now_s
            self._next_poll_s = now_s + spent_s + max(self._settings.poll_s, _REST * spent_s)

        if time.monotonic() >= self._next_doubt_s and (doubtful := self._sweeper.doubtful()):
            self._report(self._sweeper.relist(doubtful))
            ended_s = time.monotonic()
            self._next_doubt_s = ended_s + _DOUBT_REST * (ended_s - now_s)

    def _stands_elsewhere(self) -> bool:
        """Whether the root is another folder by now, or other disks are mounted in it."""
        if _identity(self._path) != self._here:
            return True
        if self._state.state != "offline" and self._sweeper.is_offline():
            return True  # a reader found it so, and it may be back
        return self._mounts().concern(self._path, self._mounted)

    def _sweep_all(self) -> None:
        self._wanted.clear()
        with self._asking:
            asked = self._asked
        self._here = _identity(self._path)
        self._mounted = self._mounts()
        began_s = time.monotonic()
        self._report(self._sweeper.sweep())
        self._answered = asked
        now_s = time.monotonic()
        self._next_sweep_s = now_s + max(self._settings.rescan_s, _REST * (now_s - began_s))
        if not self._left.keys().isdisjoint(_MAY_END):
            self._covered = ()

    def _cover(self) -> None:
        """Have changes told in every folder that is looked into."""
        while not self._stopping.is_set():
            poll = self._sweeper.rules.poll
            covered = (self._sweeper.generation, poll, self._mounted)
            if self._covered == covered:
                return
            self._covered = covered
            seen = self._sweeper.seen
            reasons = {path: self._reason(path, folder, poll) for path, folder in seen.items()}
            cover = self._events.cover(
                {path: seen[path].inode for path, reason in reasons.items() if not reason}
            )
            for path in cover.left:
                why: Reason = "limit" if cover.shortage else "closed"
                reasons[path] = why if is_utf8(path) else "names"
            self._left, self._shortage = _by_reason(reasons), cover.shortage
            # What happened in them between the sweep and now has not been told.
            self._report(self._sweeper.relist(cover.fresh))

    def _reason(self, path: bytes, folder: Seen, poll: bool) -> Reason:
        """Why a folder has to be looked at again and again; empty where it may be watched."""
        if poll:
            return "asked"
        if self._mounted.is_silent(path):
            return "network"
        return "names" if folder.odd_names else ""

    def _report(self, found: Sweep) -> None:
        self._state = state_of(
            found, self._left, len(self._sweeper.seen), self._settings.poll_s, self._shortage
        )
        self._on_sweep(found)


def _by_reason(reasons: Mapping[bytes, Reason]) -> dict[Reason, frozenset[bytes]]:
    """The folders of which nothing is told."""
    left: dict[Reason, set[bytes]] = {}
    for path, reason in reasons.items():
        if reason:
            left.setdefault(reason, set()).add(path)
    return {reason: frozenset(paths) for reason, paths in left.items()}


def _identity(path: bytes) -> tuple[int, int, int] | None:
    """Which folder stands at a path, and who may look into it."""
    try:
        found = lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mode
