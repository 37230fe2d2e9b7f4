"""The folders that a person has named: added, removed, looked through, while prismd runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import apsw

from prismd.errors import ConfigError
from prismd.paths.real_path import as_it_stands, is_folder, real_path
from prismd.store import files, real_paths
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.state import WatchState

_SILENT = "{}: its disk does not answer; try again when it does"


class Watches(Protocol):
    """What holds the folders against the disk."""

    def start(self) -> None:
        """Begin with a look through everything."""

    def stop(self) -> None:
        """End."""

    def follow(self) -> None:
        """Watch the folders that the index has by now."""

    def leave(self, root_id: int) -> None:
        """Stop watching a folder, which is about to be removed."""

    def rescan(self) -> None:
        """Look through everything as soon as possible."""

    def started(self) -> bool:
        """Whether everything has been looked through once, but for disks that do not answer."""

    def swept(self) -> bool:
        """Whether everything has been looked through since that was asked for last."""

    def state_of(self, root_id: int) -> WatchState:
        """How a folder is watched."""

    def states(self) -> Mapping[int, WatchState]:
        """How every folder is watched, by its id; asks no database."""

    def silent(self) -> frozenset[int]:
        """The folders whose disks do not answer, by their ids."""

    def failing(self) -> frozenset[int]:
        """The folders that cannot be looked through, though their disks answer, by their ids."""


class Folders:
    """The watched folders of a running prismd.

    Args:
        database: Open for writing.
        watches: Holds them against the disk.
        configured: The folders that the configuration names, as they are now.
        removed: Called when files have been forgotten.
    """

    def __init__(
        self,
        database: Database,
        watches: Watches,
        configured: Callable[[], frozenset[str]],
        removed: Callable[[], None],
    ) -> None:
        self._database = database
        self.configured = configured
        """The folders that the configuration names, as they are now; they are removed there."""
        self._removed = removed
        self.watches = watches
        self.changing = threading.Lock()
        """Held while folders are added or removed, so that none that goes is watched anew."""

    def add(self, folder: Path) -> Root:
        """Watch a folder from now on; one that is watched already stays as it is.

        Raises:
            ConfigError: There is no such folder, or it overlaps a watched one.
        """
        with self.changing:
            root = add_root(self._database, folder)
            self.watches.follow()
        return root

    def remove(self, folder: Path) -> int:
        """Forget a folder and what was read from it; never touches the disk.

        Returns:
            How many files were forgotten.

        Raises:
            ConfigError: It is not watched, or the configuration names it.
        """
        with self.changing:
            root = removable(self._database, folder, self.configured())
            self.watches.leave(root.id)
            try:
                return forget(self._database, root)
            finally:
                self.watches.follow()
                self._removed()


def add_root(database: Database, folder: Path) -> Root:
    """Add a folder to the index; see ``Folders.add``."""
    path = real_path(folder)
    if path is None:
        raise ConfigError(_SILENT.format(as_it_stands(folder)))
    need_utf8(path)
    need_folder(path, "correct the path, or make it first")
    return database.write(lambda c: files.add_root(c, path, "command"))


def need_folder(path: str, advice: str) -> None:
    """Refuse what is no folder.

    Raises:
        ConfigError: There is none, or nobody can tell.
    """
    if not stands(path, advice):
        raise ConfigError(_SILENT.format(path))


def stands(path: str, advice: str) -> bool:
    """Whether a folder is there for certain; not where its disk does not answer.

    Raises:
        ConfigError: There is none, or its disk cannot tell.
    """
    try:
        found = is_folder(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be looked at ({error.strerror}); {advice}") from error
    if found is False:
        raise ConfigError(f"{path}: there is no such folder; {advice}")
    return found is not None


def need_utf8(path: str) -> None:
    """Refuse a folder that no answer could name: JSON has no way to write it down.

    Raises:
        ConfigError: The path is not UTF-8.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "replace")
        raise ConfigError(
            f"{shown}: its name is not UTF-8; rename it, or name the folder that it is in"
        ) from None


def removable(database: Database, folder: Path, configured: frozenset[str]) -> Root:
    """A watched folder that may be removed.

    Raises:
        ConfigError: It is not watched, or the configuration names it.
    """
    named = as_it_stands(folder)
    path = real_path(folder) or database.read(real_paths.noted).get(named, named)
    if path in configured:
        raise ConfigError(
            f"{path}: is named in the configuration; take it out there, then 'prismd config reload'"
        )
    for root in database.read(files.roots):
        # A folder that is away cannot be resolved any more.
        if root.path in (path, str(folder)):
            return root
    raise ConfigError(f"{path}: is not watched; 'prismd status' lists the folders")


def forget(database: Database, root: Root) -> int:
    """Forget a folder and what was read from it; gives how many files were forgotten."""

    def forgotten(connection: apsw.Connection) -> int:
        count = files.count(connection, root.id)
        files.remove_root(connection, root.id)
        return count

    return database.write(forgotten)
