"""A folder that is watched, in this process, and its index."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prismd.store import files
from prismd.store.database import Database
from prismd.watch import Rules, Sweep
from prismd.watch.mounts import Mounts
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching
from tests.building import wait_until

_NEVER_S = 1e6
EVENTS_ONLY = WatchSettings(rescan_s=_NEVER_S, poll_s=_NEVER_S, retry_s=0.05)
POLLED = WatchSettings(rescan_s=_NEVER_S, poll_s=0.05, retry_s=0.05)


class Place:
    """A folder, an index, and what holds them together.

    Args:
        base: Where the folder and the index are made.
    """

    def __init__(self, base: Path) -> None:
        self.folder = base / "root"
        self.folder.mkdir()
        self.database = Database(base / "data")
        self.root = self.database.write(lambda c: files.add_root(c, str(self.folder), "config"))
        self.rules = Rules()
        self.mounts = Mounts()
        self.on_sweep: Callable[[Sweep], None] = lambda found: None

    @contextlib.contextmanager
    def watching(
        self, settings: WatchSettings = EVENTS_ONLY, **options: object
    ) -> Iterator[Watching]:
        made = Watching(
            self.database,
            lambda root: self.rules,
            settings,
            lambda found: self.on_sweep(found),
            find_mounts=options.pop("find_mounts", lambda: self.mounts),  # type: ignore[arg-type]
            **options,  # type: ignore[arg-type]
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()

    def write(self, name: str, content: str = "x") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def names(self) -> set[str]:
        raw = self.database.read(lambda c: files.known(c, self.root.id))
        return {os.fsdecode(path).removeprefix(f"{self.folder}/") for path in raw}

    def expect(self, *names: str) -> None:
        """Wait until the index has these files and no others."""
        wait_until(lambda: self.names() == set(names), 30)
