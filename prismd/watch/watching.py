"""All roots together: watched from the start on, added and removed while it goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from prismd.store import files, jobs
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.events import Events, SystemEvents, WatchLimit
from prismd.watch.mounts import Mounts, mounts
from prismd.watch.rules import Rules
from prismd.watch.sweep import Sweep, Sweeper
from prismd.watch.watcher import Watcher, WatchSettings, WatchState

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
    ) -> None:
        limit = WatchLimit()
        self._database = database
        self._rules_of = rules_of
        self._settings = settings
        self._on_sweep = on_sweep
        self._events_of = events_of or (lambda root: SystemEvents(root, limit))
        self._find_mounts = find_mounts
        self._watchers: dict[int, Watcher] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin with a sweep of every root."""
        self.follow()

    def follow(self) -> None:
        """Watch the roots that the index has by now, by their rules of now, and no others."""
        roots = {root.id: root for root in self._database.read(files.roots)}
        with self._lock:
            gone = [id_ for id_ in self._watchers if id_ not in roots]
            ended = [self._watchers.pop(id_) for id_ in gone]
            for id_, root in roots.items():
                rules = self._rules_of(root)
                if id_ in self._watchers:
                    self._watchers[id_].follow(rules)
                else:
                    self._watchers[id_] = self._watcher(root, rules)
                    self._watchers[id_].start()
        for watcher in ended:
            watcher.stop()

    def leave(self, root_id: int) -> None:
        """Stop watching a root, which is about to be removed."""
        with self._lock:
            watcher = self._watchers.pop(root_id, None)
        if watcher is not None:
            watcher.stop()

    def _watcher(self, root: Root, rules: Rules) -> Watcher:
        return Watcher(
            root,
            Sweeper(self._database, root, rules),
            self._events_of(os.fsencode(root.path)),
            self._find_mounts,
            self._settings,
            self._on_sweep,
            lambda: self._database.write(jobs.hurry),
        )

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
        """End; sweeps in hand are finished first."""
        with self._lock:
            ended = list(self._watchers.values())
            self._watchers.clear()
        for watcher in ended:
            watcher.stop()
