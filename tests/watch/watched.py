"""A watched folder, and an index over it that reads no file."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from prismd.store import files, jobs
from prismd.store.database import Database
from prismd.watch import Rules, Sweep, Sweeper
from tests.building import write_file

_NOBODY = 65534


class Watched:
    """A folder and an index over it that reads no file: every job ends at once.

    Args:
        folder: Made anew.
        data_dir: Of the index.
        remembers: Whether one sweeper makes all sweeps, as in a daemon, or each has a new one.
    """

    def __init__(self, folder: Path, data_dir: Path, *, remembers: bool) -> None:
        self._remembers = remembers
        self._sweeper: Sweeper | None = None
        self.folder = folder
        folder.mkdir()
        self.database = Database(data_dir)
        self.database.write(lambda c: files.add_root(c, str(folder), "config"))
        self.rules = Rules()

    def write(self, name: str, content: str = "x", age: int = 0) -> Path:
        return write_file(self.folder / name, content, age=age)

    def sweep(self) -> Sweep:
        (root,) = self.database.read(files.roots)
        if self._sweeper is None or not self._remembers:
            self._sweeper = Sweeper(self.database, root, self.rules)
        self._sweeper.rules = self.rules
        return self._sweeper.sweep()

    def read_all(self) -> list[str]:
        """Take every job and end it; which files it was about."""
        taken = []
        while job := self.database.write(lambda c: jobs.lease(c, "us")):
            taken.append(job.path.removeprefix(f"{self.folder}/"))
            self.database.write(
                lambda c, id_=job.file_id: files.end_without_document(  # type: ignore[misc]
                    c, id_, "skipped", code="test", message="", sha256=None
                )
            )
        return sorted(taken)

    def pass_(self) -> list[str]:
        self.sweep()
        return self.read_all()

    def names(self) -> list[str]:
        raw = self.database.read(lambda c: files.known(c, 1))
        return sorted(os.fsdecode(path).removeprefix(f"{self.folder}/") for path in raw)

    def ids(self) -> dict[str, int]:
        raw = self.database.read(lambda c: files.known(c, 1))
        return {os.fsdecode(p).removeprefix(f"{self.folder}/"): k.id for p, k in raw.items()}


@contextlib.contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Have this thread read the disk as nobody, where root runs the tests and may read all."""
    if os.geteuid() != 0:
        yield
        return
    for outer in folder.parents:  # pytest's own are for root alone
        if not outer.stat().st_mode & 1:
            outer.chmod(outer.stat().st_mode | 0o111)
    libc = ctypes.CDLL(None)
    libc.setfsuid(_NOBODY)
    try:
        yield
    finally:
        libc.setfsuid(0)


def counts(found: Sweep) -> tuple[int, int, int, int, int]:
    return found.files, found.added, found.changed, found.moved, found.removed
