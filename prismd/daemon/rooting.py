"""Brings the index's folders to those of the settings, as far as their disks answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import apsw
from msgspec.structs import replace

from prismd.config.options import Config
from prismd.daemon.named import Named, Placed, place
from prismd.errors import ConfigError
from prismd.progress.trouble import Troubles
from prismd.store import files, real_paths
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.folders import Folders, need_folder, need_utf8, stands

log = logging.getLogger(__name__)

_AGAIN_S = 10.0
_MEND = "correct or remove it"
_LATE = "folders of the settings that answer late"


class Rooting:
    """Adds the folders that the settings name, and forgets those that they name no more.

    Where the disk of one does not answer, it goes by the real path that it had last; a new one
    waits until its disk answers.

    Args:
        database: The index.
        config: The settings of the start.
        settled: Called when a disk has answered late; by it a folder may have another path.
        again_s: How often a disk that did not answer is asked again.
    """

    def __init__(
        self,
        database: Database,
        config: Config,
        settled: Callable[[], None] = lambda: None,
        again_s: float = _AGAIN_S,
    ) -> None:
        self._database = database
        self._config = config
        self._settled = settled
        self._again_s = again_s
        self._placed: Placed | None = None
        self._put_off: frozenset[str] = frozenset()
        self._troubles = Troubles(calm_s=0)
        self._late = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def placed(self) -> Placed:
        """The settings that hold, and where their folders are."""
        if self._placed is None:
            self._placed = self._find(self._config)
        return self._placed

    def place(self, config: Config) -> Placed:
        """Find the folders of settings that were read once more."""
        return self._find(config, again=True)

    def _find(self, config: Config, *, again: bool = False) -> Placed:
        return place(config, self._database.read(real_paths.noted), again=again)

    def put(self, placed: Placed | None = None) -> list[Root]:
        """Bring the index's folders to those of the settings; see ``Prism.put_roots``."""
        known = self._database.read(files.roots)
        if placed is None:
            placed = self._find(self._placed.settings if self._placed else self._config)
        wanted, placed = self._wanted(placed, known)

        def put(connection: apsw.Connection) -> None:
            for root in known:
                if placed.leaves(root):
                    files.remove_root(connection, root.id)
            for folder in wanted:
                _add(connection, folder, placed)
            real_paths.note(connection, placed.found)

        self._database.write(put)
        wait = placed.unsure - {folder.given for folder in wanted}
        for given in sorted(wait):
            log.warning("%s: its disk does not answer; it is indexed as soon as it does", given)
        self._placed, self._put_off = placed, wait
        if placed.unsure:
            self._late.set()
        return self._database.read(files.roots)

    def _wanted(self, placed: Placed, known: list[Root]) -> tuple[list[Named], Placed]:
        """The folders that the index is to have, and what is known of all by now.

        Raises:
            ConfigError: A new one is not there, or its name cannot be told.
        """
        wanted, silent = list[Named](), set[str]()
        for folder in placed.named:
            if _is_known(folder, known):
                wanted.append(folder)
            elif self._may_be_added(folder, placed):
                need_utf8(folder.path)
                if folder.answered and stands(folder.path, _MEND):
                    wanted.append(folder)
                else:
                    silent.add(folder.given)
        return wanted, _with(placed, silent)

    def _may_be_added(self, folder: Named, placed: Placed) -> bool:
        """Whether a folder that the index lacks has not been removed from it meanwhile."""
        in_file = folder.origin == "config"
        return in_file or not placed.again or folder.given in self._put_off

    # Disks that answer late

    def tend(self, folders: Folders) -> None:
        """From now on ask disks that did not answer again and again, in a thread of its own.

        Args:
            folders: Told where one has answered.
        """
        self.stop()
        self._stopping.clear()
        if not self.placed.unsure:
            self._late.clear()
        self._thread = threading.Thread(
            target=self._tend, args=(folders,), name="prismd-folders", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()
        self._late.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _tend(self, folders: Folders) -> None:
        while not self._stopping.is_set():
            self._late.wait()
            if self._stopping.wait(self._again_s):
                break
            try:
                self._ask_again(folders)
            except Exception as error:
                self._troubles.met(_LATE, error)

    def _ask_again(self, folders: Folders) -> None:
        """Add the folders whose disks answer by now; nothing is forgotten before the next start."""
        before = self.placed
        now = self.place(before.settings)
        if now.unsure and now.unsure == before.unsure:
            return
        with folders.changing:
            if self.placed is not before:
                return  # the settings were read once more meanwhile
            if now.unsure != before.unsure:
                now = _with(now, self._add_late(now))
                self._put_off &= now.unsure
                self._placed = now
                self._settled()
                folders.watches.follow()
            if not now.unsure:
                self._late.clear()

    def _add_late(self, now: Placed) -> set[str]:
        """Add what has answered; gives those folders that nevertheless cannot be added yet."""
        cannot = set[str]()
        known = self._database.read(files.roots)
        for folder in now.named:
            if not folder.answered or _is_known(folder, known):
                continue
            if not self._may_be_added(folder, now):
                continue
            try:
                need_utf8(folder.path)
                need_folder(folder.path, _MEND)
                self._database.write(lambda c, f=folder: _add(c, f, now))  # type: ignore[misc]
            except ConfigError as error:
                self._troubles.met(_LATE, error)
                cannot.add(folder.given)
            else:
                log.info("%s: its disk answers; it is indexed", folder.given)
        if not cannot:
            self._troubles.gone(_LATE)
        self._database.write(lambda c: real_paths.note(c, now.found))
        return cannot


def _is_known(folder: Named, known: list[Root]) -> bool:
    return any(root.path == folder.path for root in known)


def _add(connection: apsw.Connection, folder: Named, placed: Placed) -> None:
    file = placed.owner if folder.origin == "config" else ""
    files.add_root(connection, folder.path, folder.origin, file)


def _with(placed: Placed, silent: set[str]) -> Placed:
    """The same, where the disks of some folders count as not having answered."""
    named = tuple(
        replace(folder, answered=folder.answered and folder.given not in silent)
        for folder in placed.named
    )
    return replace(placed, named=named)
