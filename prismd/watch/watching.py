"""All roots together: watched from the start on, added and removed while it goes on."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from prismd.errors import PrismdError
from prismd.store import files, jobs
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.clock import BEAT_S, Clock
from prismd.watch.events import Events, SystemEvents
from prismd.watch.inotify import WatchLimit
from prismd.watch.mounts import Mounts, mounts
from prismd.watch.rules import Rules
from prismd.watch.state import WatchState
from prismd.watch.sweep import Sweep, Sweeper
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
        """Watch the roots that the index has by now, by their rules of now, and no others."""
        with self._lock:
            if self._stopping.is_set():
                return
            roots = {root.id: root for root in self._database.read(files.roots)}
            gone = [id_ for id_ in self._watchers if id_ not in roots]
            ended = [self._watchers.pop(id_) for id_ in gone]
            for id_, root in roots.items():
                rules = self._rules_of(root)
                if id_ in self._watchers:
                    self._watchers[id_].follow(rules, self.settings)
                else:
                    self._watchers[id_] = self._watcher(root, rules)
                    self._watchers[id_].start()
        self._end(ended)

    def leave(self, root_id: int) -> None:
        """Stop watching a root, which is about to be removed."""
        with self._lock:
            watcher = self._watchers.pop(root_id, None)
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
        """Look after the clock: what is told while the process stands still gets lost."""
        is_late = False
        while not self._stopping.wait(BEAT_S):
            beat = self._clock.beat()
            if beat.away:
                log.info("prismd stood still for a while; everything is looked through")
                self.rescan()
            is_late = is_late or beat.was_set
            if is_late:
                try:
                    self._database.write(jobs.hurry)  # it is by the clock that jobs wait
                    is_late = False
                except Exception as error:
                    # Without this thread nobody would notice that the computer had slept.
                    known = isinstance(error, PrismdError)
                    message = "the clock was set, and that could not be heeded yet (%s)"
                    log.error(message, error, exc_info=None if known else error)

    def rescan(self) -> None:
        """Sweep everything as soon as possible."""
        with self._lock:
            for watcher in self._watchers.values():
                watcher.rescan()

    def swept(self) -> bool:
        """Whether everything has been looked through since that was asked for last."""
        with self._lock:
            return all(watcher.swept() for watcher in self._watchers.values())

    def started(self) -> bool:
        """Whether everything has been looked through once."""
        with self._lock:
            return all(watcher.started for watcher in self._watchers.values())

    def state_of(self, root_id: int) -> WatchState:
        """How a root is watched."""
        with self._lock:
            watcher = self._watchers.get(root_id)
            return watcher.state if watcher is not None else WatchState()

    def stop(self) -> None:
        """End; sweeps in hand are given up, and what they wrote down is kept."""
        self._stopping.set()
        with self._lock:
            ended = list(self._watchers.values())
            self._watchers.clear()
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
