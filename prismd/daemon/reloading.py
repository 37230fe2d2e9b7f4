"""The configuration read once more while prismd runs.

What the parts can take while they work holds at once; the rest waits for the next start. Nothing
that was read already is read anew for it: the status says what is stale.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import msgspec
from msgspec.structs import replace

from prismd.api.services import FolderGone, Reloaded
from prismd.config.options import SECTIONS, Config
from prismd.daemon import parameters
from prismd.daemon.assembly import Prism
from prismd.daemon.named import owner
from prismd.encryption.discretion import own
from prismd.errors import ConfigError
from prismd.schedule.holding import Scheduling
from prismd.store import files
from prismd.store.stale import COMMAND
from prismd.watch.folders import Folders

log = logging.getLogger(__name__)

_AT_START = {
    "index": ("workers", "deadline_s", "memory_mb", "recycle_after"),
    "search": ("limit",),
    "log": ("file",),
}
"""Of the sections that hold at once, what waits for a start all the same."""
LIVE = ("index", "schedule", "chunking", "search", "answer", "log")
"""The sections that hold at once."""
_SKIPPED = "prismd retry --skipped"
_EMBEDDING = [f"embedding.{field.name}" for field in msgspec.structs.fields(SECTIONS["embedding"])]
_REDO = {
    "index.max_file_mb": _SKIPPED,
    "index.max_recording_mb": _SKIPPED,
    "index.attempts": "prismd retry",
    "models.embedding": COMMAND,
    "models.image": COMMAND,
    "models.speech": COMMAND,
    **dict.fromkeys(_EMBEDDING, COMMAND),
}
"""What redoes the work of before, where that cannot be counted as stale, or not before a start."""


class Reloading:
    """Reads the configuration once more, each time that it is asked to.

    Args:
        prism: The parts that are to go by it.
        folders: The watched folders.
        scheduling: Goes by ``[schedule]``.
        read: Reads the configuration in the ways that it was given at the start.
    """

    def __init__(
        self, prism: Prism, folders: Folders, scheduling: Scheduling, read: Callable[[], Config]
    ) -> None:
        self._prism = prism
        self._folders = folders
        self._scheduling = scheduling
        self._read = read
        self._lock = threading.Lock()
        self._waiting: tuple[str, ...] = ()
        self._fault = ""

    def after_restart(self) -> tuple[str, ...]:
        """Settings that were changed, and wait for the next start."""
        return self._waiting

    def fault(self) -> str:
        """What was wrong with the configuration when it was read last; empty where nothing was."""
        return self._fault

    def reload(self) -> Reloaded:
        """Go by what the configuration says now.

        Raises:
            ConfigError: Something in it is wrong; nothing has changed.
            StoreError: The folders could not be written down; nothing has changed.
        """
        with self._lock:
            try:
                found = self._follow(self._read_all())
            except ConfigError as error:
                self._fault = f"{error}; until that is mended, the settings of before hold"
                log.error("the configuration is not taken: %s", error)
                raise
            self._fault = ""
        log.info(
            "the configuration was read once more; changed: %s; after a restart: %s",
            own(", ".join(found.applied) or "nothing"),
            own(", ".join(found.after_restart) or "nothing"),
        )
        return found

    def _read_all(self) -> Config:
        """The configuration, unless its file lost everything that it said.

        A file is empty for a moment while it is saved, and for good where the disk is full; with
        the folders that it names, all that was read from them would be forgotten.
        """
        wanted = self._read()
        if owner(self._prism.config) and wanted.file is not None and not owner(wanted):
            raise ConfigError(
                f"{wanted.file}: says nothing any more; write down what is to hold, or start"
                " prismd again, which keeps the folders that it named"
            )
        return wanted

    def _follow(self, wanted: Config) -> Reloaded:
        prism, before = self._prism, self._prism.config
        now = holding_at_once(before, wanted)
        applied = tuple(_differing(before, now))
        with self._folders.changing:
            added, removed = self._put_folders(now)
        self._scheduling.follow(parameters.schedule(now))
        logging.getLogger().setLevel(now.log.level.upper())
        self._waiting = tuple(_differing(now, wanted))
        return Reloaded(
            file=str(wanted.file or ""),
            applied=applied,
            after_restart=self._waiting,
            added=added,
            removed=removed,
            redo={key: _REDO[key] for key in (*applied, *self._waiting) if key in _REDO},
            stale=tuple(prism.stale()),
        )

    def _put_folders(self, config: Config) -> tuple[tuple[str, ...], tuple[FolderGone, ...]]:
        """Watch the folders that are named now, by the settings of now."""
        prism, watches = self._prism, self._folders.watches
        known = {root.path for root in prism.database.read(files.roots)}
        placed = prism.place(config)
        leaving = prism.leaving(placed)
        for root, _ in leaving:
            watches.leave(root.id)
        try:
            roots = prism.put_roots(placed)
            prism.follow(config)
        finally:
            watches.follow()
        if leaving:
            prism.ingest.wake()
        added = tuple(root.path for root in roots if root.path not in known)
        return added, tuple(FolderGone(root.path, count) for root, count in leaving)


def holding_at_once(running: Config, wanted: Config) -> Config:
    """What can hold at once of what is wanted; all else is as it runs. Pure."""
    changed: dict[str, msgspec.Struct] = {}
    for section in LIVE:
        old = getattr(running, section)
        kept = {name: getattr(old, name) for name in _AT_START.get(section, ())}
        changed[section] = replace(getattr(wanted, section), **kept)
    return replace(
        running, folders=wanted.folders, file=wanted.file, sources=wanted.sources, **changed
    )


def _differing(one: Config, other: Config) -> Iterator[str]:
    """The keys in which two configurations differ; those of folders name the folder."""
    if one.data_dir != other.data_dir:
        yield "data_dir"
    before = {folder.path: folder for folder in one.folders}
    for folder in other.folders:
        if (old := before.get(folder.path)) is not None:
            for field in msgspec.structs.fields(folder):
                if getattr(old, field.name) != getattr(folder, field.name):
                    yield f"folders.{folder.path}.{field.name}"
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            if getattr(getattr(one, section), field.name) != getattr(
                getattr(other, section), field.name
            ):
                yield f"{section}.{field.name}"
