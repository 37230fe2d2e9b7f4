"""A watched folder, and an index over it that reads no file."""

from __future__ import annotations

import os
from pathlib import Path

from prismd.store import files, jobs
from prismd.store.database import Database
from prismd.watch import Rules, Sweep, sweep
from tests.building import write_file


class Watched:
    """A folder and an index over it that reads no file: every job ends at once."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.database = Database(data_dir)
        self.database.write(lambda c: files.add_root(c, str(folder), "config"))
        self.rules = Rules()

    def write(self, name: str, content: str = "x", age: int = 0) -> Path:
        return write_file(self.folder / name, content, age=age)

    def sweep(self) -> Sweep:
        (root,) = self.database.read(files.roots)
        return sweep(self.database, root, self.rules)

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


def counts(found: Sweep) -> tuple[int, int, int, int, int]:
    return found.files, found.added, found.changed, found.moved, found.removed
