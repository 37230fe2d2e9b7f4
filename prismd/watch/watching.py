"""All roots together: watched from the start on, added and removed while it goes on."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from prismd.encryption import discretion
from prismd.progress.trouble import Troubles
from prismd.store import files, jobs
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.clock import BEAT_S, Clock
from prismd.watch.events import Events, SystemEvents
from prismd.watch.inotify import WatchLimit
from prismd.watch.mounts import Mounts, mounts
from prismd.watch.rules import Rules
from prismd.watch.seen import Sweep
from prismd.watch.state import WatchState
from prismd.watch.sweep import Sweeper
from prismd.watch.watcher import Watcher, WatchSettings

log = logging.getLogger(__name__)

EventsOf = Callable[[bytes], Events]


class Watching:
    """Holds every root against the disk.

    Args:
        database: Open for writing.
        rules_of: What is looked at in a root.
        settings: How often to look.
        on_sweep: Told of what was found; called in threads of its own.
        events_of: Tells of changes in a root; that of the system unless given.
        find_mounts: The mount points as they are now.
        clock: Tells when the process stood still, or the time was set.
        patience_s: How long ``stop`` and ``leave`` wait for a disk that does not answer.
    """

    def __init__(
        self,
        database: Database,
        rules_of: Callable[[Root], Rules],
        settings: WatchSettings,
        on_sweep: Callable[[Sweep], None],
        *,
        events_of: EventsOf | None = None,
        find_mounts: Callable[[], Mounts] = mounts,
        clock: Clock | None = None,
        patience_s: float = 10.0,
    ) -> None:
        limit = WatchLimit()
        self._database = database
        self._rules_of = rules_of
        self.settings = settings
        """How often to look; may be set by any thread, and counts from ``follow`` on."""
        self._on_sweep = on_sweep
        self._events_of = events_of or (lambda root: SystemEvents(root, limit))
        self._find_mounts = find_mounts
        self._watchers: dict[int, Watcher] = {}
        self._faults: dict[int, str] = {}
        self._again_s: float | None = None
        self._troubles = Troubles(calm_s=0)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._clock = clock or Clock()
        self._patience_s = patience_s
        self._beating = threading.Thread(target=self._beat, name="prismd-clock", daemon=True)

    def start(self) -> None:
        """Begin with a sweep of every root."""
        self._beating.start()
        self.follow()

    def follow(self) -> None:
        """Watch the roots that the index has by now, by their rules of now, and no others.

        What hinders one of them is told in its state, and concerns no other; it is tried again.
        """
        with self._lock:
            if self._stopping.is_set():
                return
            self._again_s = None
            try:
                roots = {root.id: root for root in self._database.read(files.roots)}
            except Exception as error:
                self._troubles.met("the watched folders", error)
                self._again_s = time.monotonic() + self.settings.retry_s
                return
            self._troubles.gone("the watched folders")
            ended = self._gone(roots)
            self._faults = {id_: fault for id_, root in roots.items() if (fault := self._try(root))}
            if self._faults:
                self._again_s = time.monotonic() + self.settings.retry_s
        self._end(ended)

    def _gone(self, roots: Mapping[int, Root]) -> list[Watcher]:
        """Take out the watchers of roots that are no more, or whose number is another's."""
        paths = {id_: root.path for id_, root in roots.items()}
        gone = [id_ for id_, of in self._watchers.items() if paths.get(id_) != of.root.path]
        return [self._watchers.pop(id_) for id_ in gone]

    def _try(self, root: Root) -> str:
        """Watch a root by its rules of now; gives what hinders that, fit to show."""
        try:
            rules = self._rules_of(root)
            if (watcher := self._watchers.get(root.id)) is not None:
                watcher.follow(rules, self.settings)
            else:
                watcher = self._watcher(root, rules)
                watcher.start()
                self._watchers[root.id] = watcher
        except Exception as error:
            # One folder must not leave the others unwatched, whatever it is.
            known = root.id in self._watchers
            what = "its new settings are not taken" if known else "it is not watched"
            fault = str(error) if isinstance(error, OSError) else error
            self._troubles.met(root.path, fault, discretion.folder(root.path, root.id))
            why = self._troubles.of(root.path)
            return f"{what} ({why}); tried again every {self.settings.retry_s:g} s"
        self._troubles.gone(root.path, discretion.folder(root.path, root.id))
        return ""

    def leave(self, root_id: int) -> None:
        """Stop watching a root, which is about to be removed."""
        with self._lock:
            watcher = self._watchers.pop(root_id, None)
            self._faults.pop(root_id, None)
        self._end([watcher] if watcher is not None else [])

    def _watcher(self, root: Root, rules: Rules) -> Watcher:
        return Watcher(
            root,
            Sweeper(self._database, root, rules, self._find_mounts),
            self._events_of(os.fsencode(root.path)),
            self._find_mounts,
            self.settings,
            self._on_sweep,
        )

    def _beat(self) -> None:
        """Look after the clock, and after what has to be tried again."""
        is_late = False
        while not self._stopping.wait(BEAT_S):
            beat = self._clock.beat()
            if beat.away:
                # What is told while the process stands still gets lost.
                log.info("prismd stood still for a while; everything is looked through")
                self.rescan()
            is_late = is_late or beat.was_set
            if is_late and self._safely("that the clock was set", self._hurry):
                is_late = False
            if self._again_s is not None and time.monotonic() >= self._again_s:
                self.follow()
            self._safely("that a disk does not answer", self._note_silence)

    def _safely(self, what: str, work: Callable[[], None]) -> bool:
        """Heed something; without this thread nobody would notice that the computer had slept."""
        try:
            work()
        except Exception as error:
            self._troubles.met(f"{what} could not be heeded yet", error)
            return False
        self._troubles.gone(f"{what} could not be heeded yet")
        return True

    def _hurry(self) -> None:
        self._database.write(jobs.hurry)  # it is by the clock that jobs wait

    def _note_silence(self) -> None:
        with self._lock:
            watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher.note_silence()

    def rescan(self) -> None:
        """Sweep everything as soon as possible."""
        with self._lock:
            for watcher in self._watchers.values():
                watcher.rescan()

    def swept(self) -> bool:
        """Whether everything has been looked through since that was asked for last.

        What is on a disk that does not answer, or cannot be looked through for another reason that
        lasts, is nothing that can be waited for.
        """
        with self._lock:
            return all(of.swept() or _is_stuck(of) for of in self._watchers.values())

    def started(self) -> bool:
        """Whether everything has been looked through once, but for what cannot be waited for."""
        with self._lock:
            return all(of.started or _is_stuck(of) for of in self._watchers.values())

    def silent(self) -> frozenset[int]:
        """The roots whose disks do not answer, by their ids."""
        with self._lock:
            return frozenset(id_ for id_, of in self._watchers.items() if not of.answers)

    def failing(self) -> frozenset[int]:
        """The roots that cannot be looked through, or not by their settings, though disks answer.

        Their states tell why; what is over in a moment does not count.
        """
        with self._lock:
            failing = {id_ for id_, of in self._watchers.items() if of.fails and of.answers}
            return frozenset(failing | self._faults.keys())

    def state_of(self, root_id: int) -> WatchState:
        """How a root is watched."""
        with self._lock:
            return self._state_of(root_id)

    def states(self) -> dict[int, WatchState]:
        """How every root is watched, by its id."""
        with self._lock:
            return {id_: self._state_of(id_) for id_ in self._watchers.keys() | self._faults}

    def _state_of(self, root_id: int) -> WatchState:
        watcher, fault = self._watchers.get(root_id), self._faults.get(root_id)
        state = watcher.state if watcher is not None else WatchState()
        if not fault:
            return state
        return replace(state, detail="; ".join(filter(None, (state.detail, fault))))

    def stop(self) -> None:
        """End; sweeps in hand are given up, and what they wrote down is kept."""
        self._stopping.set()
        with self._lock:
            ended = list(self._watchers.values())
            self._watchers.clear()
            self._faults.clear()
        self._end(ended)
        if self._beating.is_alive():
            self._beating.join()

    def _end(self, watchers: Sequence[Watcher]) -> None:
        """End watchers; those whose disks do not answer are waited for only so long."""
        for watcher in watchers:
            watcher.end()
        end_s = time.monotonic() + self._patience_s
        for watcher in watchers:
            watcher.join(max(0.0, end_s - time.monotonic()))


def _is_stuck(watcher: Watcher) -> bool:
    return not watcher.answers or watcher.fails
