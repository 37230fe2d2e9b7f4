"""A daemon over many small files, for what is measured of watching: restarts, changes, quiet.

The files, of one sentence each, are made first; with ``--at`` they and the index are kept, and the
next run begins with them. What is measured of the watcher does not depend on the model, and 100,000
passages take the real one most of an hour on two cores: by default a stand-in embeds them.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from prismd.store.database import Database
from tests.benchmarks.daemon import Daemon

_PER_FOLDER = 50
_PER_TOP = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that all of it share."""
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--embedding", default="fake", help="the model, or fake")
    parser.add_argument("--at", type=Path, help="where the files and the index are kept")


@contextlib.contextmanager
def watched(options: argparse.Namespace) -> Iterator[Measured]:
    """A running daemon that has read all files, stopped in the end."""
    scratch = options.at or Path(tempfile.mkdtemp(prefix="prismd-watching-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and have the daemon end too
    measured = Measured(scratch, options)
    try:
        measured.prepare()
        yield measured
    finally:
        measured.daemon.stop()
        if options.at is None:
            shutil.rmtree(scratch)


class Measured:
    """A daemon over many small files.

    Args:
        scratch: Where they are.
        arguments: Of the command.
    """

    def __init__(self, scratch: Path, arguments: argparse.Namespace) -> None:
        self.folder = scratch / "files"
        self.data_dir = scratch / "data"
        self.arguments = arguments
        self.random = random.Random(7)
        self.daemon = Daemon(self.folder, self.data_dir, arguments.embedding)

    def prepare(self) -> None:
        """Make the files, and have them indexed."""
        if not self.folder.exists():
            make_files(self.folder, self.arguments.files)
        began_s = time.perf_counter()
        self.daemon.start()
        self.daemon.wait_idle()
        completed, spent_s = self.daemon.status()["files"]["completed"], time.perf_counter()
        print(f"{completed:,} files read in {spent_s - began_s:.1f} s", file=sys.stderr)

    def read(self, sql: str, *values: object) -> int:
        """A number out of the index."""
        database = Database(self.data_dir, writable=False)
        try:
            return int(database.read(lambda c: c.execute(sql, values).get))
        finally:
            database.close()

    def paths(self) -> set[str]:
        """Every path that the index has."""
        database = Database(self.data_dir, writable=False)
        try:
            return {str(row[0]) for row in database.read(_all_paths)}
        finally:
            database.close()


def _all_paths(connection: object) -> list[tuple[str]]:
    return connection.execute("SELECT path FROM files").fetchall()  # type: ignore[attr-defined,no-any-return]


def make_files(folder: Path, count: int) -> None:
    """Files of one sentence, 50 to a folder, 200 folders to a top folder."""
    for number in range(count):
        home = folder / f"top{number // _PER_TOP}" / f"f{number // _PER_FOLDER}"
        if number % _PER_FOLDER == 0:
            home.mkdir(parents=True)
        (home / f"note {number}.txt").write_text(
            f"Note number {number}. House {number * 7919 % 100_003} has garden {number % 977}.\n"
        )


class Churn:
    """Random changes below a folder of its own.

    Args:
        folder: Where.
        choice: What is done, and to which file.
    """

    def __init__(self, folder: Path, choice: random.Random) -> None:
        self._folder = folder / "churn"
        self._folder.mkdir(exist_ok=True)
        self._choice = choice
        self._files: list[Path] = []
        self.steps = 0

    def step(self) -> None:
        """Do one thing."""
        self.steps += 1
        actions: list[Callable[[], None]] = [self._make, self._make_tree]
        if self._files:
            actions += [self._edit, self._edit, self._rename, self._delete, self._copy]
        if len(self._files) > 2_000:
            actions = [self._delete_tree]
        self._choice.choice(actions)()

    def _make(self) -> None:
        home = self._folder / f"g{self._choice.randrange(40)}"
        home.mkdir(exist_ok=True)
        path = home / f"{self.steps}.txt"
        path.write_text(f"Entry {self.steps} of the churn.\n")
        self._files.append(path)

    def _make_tree(self) -> None:
        home = self._folder / f"g{self._choice.randrange(40)}" / f"t{self.steps}" / "inner"
        home.mkdir(parents=True, exist_ok=True)
        for number in range(5):
            path = home / f"{number}.md"
            path.write_text(f"# Tree {self.steps}\n\nLeaf {number}.\n")
            self._files.append(path)

    def _edit(self) -> None:
        path = self._choice.choice(self._files)
        path.write_text(f"{path.read_text()}\nAnd line {self.steps}.\n"[-2_000:])

    def _rename(self) -> None:
        path = self._files.pop(self._choice.randrange(len(self._files)))
        self._files.append(path.rename(path.with_name(f"renamed {self.steps}{path.suffix}")))

    def _delete(self) -> None:
        self._files.pop(self._choice.randrange(len(self._files))).unlink()

    def _copy(self) -> None:
        path = self._choice.choice(self._files)
        copy = path.with_name(f"copy {self.steps}{path.suffix}")
        shutil.copy2(path, copy)
        self._files.append(copy)

    def _delete_tree(self) -> None:
        home = self._folder / f"g{self._choice.randrange(40)}"
        shutil.rmtree(home, ignore_errors=True)
        self._files = [path for path in self._files if home not in path.parents]
