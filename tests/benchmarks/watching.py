"""How soon what happens on the disk is in the answers, and what watching costs.

    python -m tests.benchmarks.watching SECTION... [--files N] [--embedding fake] [--at FOLDER]

Sections, in this order: ``restart``, ``move``, ``touch``, ``latency``, ``idle``, ``soak``. All
of them run one daemon over files of one sentence each, which are made first; with ``--at`` they
and the index are kept, and the next run begins with them. What is measured of the watcher does
not depend on the model, and 100,000 passages take the real one most of an hour on two cores:
``--embedding fake`` has them embedded by a stand-in. Where it is not given, the model is real.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from prismd.store.database import Database
from tests.benchmarks.daemon import Daemon, disk_paths, until

_PER_FOLDER = 50
_PER_TOP = 10_000
_SOAK_STEP_S = 0.2
_MINUTE_S = 60.0


def main() -> None:
    """Print the figures of the sections that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("sections", nargs="+", choices=list(_SECTIONS))
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--embedding", default="bge-small-en-v1.5")
    parser.add_argument("--at", type=Path, help="where the files and the index are kept")
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--idle-s", type=float, default=300.0)
    parser.add_argument("--soak-s", type=float, default=3600.0)
    arguments = parser.parse_args()
    scratch = arguments.at or Path(tempfile.mkdtemp(prefix="prismd-watching-"))
    print(f"{arguments.files:,} files; embedded by {arguments.embedding}; in {scratch}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and have the daemon end too
    measured = Measured(scratch, arguments)
    try:
        measured.prepare()
        for name, section in _SECTIONS.items():
            if name in arguments.sections:
                section(measured)
    finally:
        measured.daemon.stop()
        if arguments.at is None:
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
        status = self.daemon.status()
        spent_s = time.perf_counter() - began_s
        print(
            f"first: {status['files']['completed']:,} files indexed in {spent_s:.1f} s,"
            f" {status['embeddings_computed']:,} passages embedded,"
            f" {status['index_bytes'] / 1e6:.0f} MB",
            flush=True,
        )

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


def restart(measured: Measured) -> None:
    """Stop and start over an unchanged disk."""
    daemon = measured.daemon
    daemon.stop()
    began = time.time()
    searchable_s = daemon.start()
    reconciled_s = searchable_s + daemon.wait_idle()
    again = measured.read("SELECT count(*) FROM files WHERE indexed_at > ?", began)
    print(
        f"restart: searchable in {searchable_s:.2f} s, reconciled in {reconciled_s:.2f} s;"
        f" {again} files read again, {daemon.embeddings()} passages embedded",
        flush=True,
    )


def move(measured: Measured) -> None:
    """Rename a folder of 10,000 files, and back."""
    daemon = measured.daemon
    source, target = measured.folder / "top0", measured.folder / "renamed"
    count = len(disk_paths(source))
    before, began = daemon.embeddings(), time.time()
    sql = "SELECT count(*) FROM files WHERE path GLOB ?"
    source.rename(target)
    spent_s = until(lambda: measured.read(sql, f"{target}/*") == count, 0.1)
    again = measured.read("SELECT count(*) FROM files WHERE indexed_at > ?", began)
    print(
        f"move: a folder of {count:,} files in {spent_s:.2f} s; {again} files read again,"
        f" {daemon.embeddings() - before} passages embedded",
        flush=True,
    )
    target.rename(source)
    until(lambda: measured.read(sql, f"{source}/*") == count, 0.1)


def touch(measured: Measured) -> None:
    """Give every file the present time."""
    daemon = measured.daemon
    before, began_s = daemon.embeddings(), time.perf_counter()
    now_ns = time.time_ns()
    paths = disk_paths(measured.folder)
    for path in paths:
        os.utime(path, ns=(now_ns, now_ns))
    touched_s = time.perf_counter() - began_s
    sql = "SELECT count(*) FROM files WHERE mtime_ns = ? AND state = 'completed'"
    until(lambda: measured.read(sql, now_ns) == len(paths), 0.5)
    print(
        f"touch: {len(paths):,} files, which itself took {touched_s:.1f} s, are known to be the"
        f" same in {time.perf_counter() - began_s:.1f} s;"
        f" {daemon.embeddings() - before} passages embedded",
        flush=True,
    )


def latency(measured: Measured) -> None:
    """Change files and delete files, one at a time, and ask until it shows."""
    daemon, chosen = measured.daemon, sorted(disk_paths(measured.folder))
    chosen = measured.random.sample(chosen, measured.arguments.changes)
    changes, deletions = [], []
    for number, path in enumerate(chosen):
        word = f"zephyr{number}x{int(time.time())}"
        Path(path).write_text(f"The password of the {word} is written here.\n")
        changes.append(until(lambda p=path, w=word: p in daemon.search(w)))  # type: ignore[misc]
    for path in chosen:
        words = Path(path).read_text()
        Path(path).unlink()
        deletions.append(until(lambda p=path, w=words: p not in daemon.search(w)))  # type: ignore[misc]
    for what, spent in (
        ("changed files are in the answers", changes),
        ("deleted files are out of the answers", deletions),
    ):
        p50, p95, most = np.percentile(spent, [50, 95, 100])
        print(
            f"latency: {len(spent)} {what} after"
            f" {p50:.2f} s (p50), {p95:.2f} s (p95), {most:.2f} s at most",
            flush=True,
        )


def idle(measured: Measured) -> None:
    """Do nothing, and see what it costs."""
    daemon = measured.daemon
    daemon.wait_idle()
    time.sleep(10)
    before, began_s = daemon.footprint(), time.perf_counter()
    time.sleep(measured.arguments.idle_s)
    after, spent_s = daemon.footprint(), time.perf_counter() - began_s
    share = (after["cpu_s"] - before["cpu_s"]) / spent_s
    print(
        f"idle: {100 * share:.2f} % of a core over {spent_s:.0f} s,"
        f" {after['own_mb']:.0f} MB of its own and {after['mapped_mb']:.0f} MB of files,"
        f" with its readers {after['own_all_mb']:.0f} MB of its own,"
        f" {after['open_files']:.0f} open files, {after['threads']:.0f} threads",
        flush=True,
    )


def soak(measured: Measured) -> None:
    """Change the disk at random for long, and see that nothing grows or gets lost."""
    daemon = measured.daemon
    churn = Churn(measured.folder, measured.random)
    end_s = time.perf_counter() + measured.arguments.soak_s
    told_s = 0.0
    while (now_s := time.perf_counter()) < end_s:
        churn.step()
        if now_s - told_s >= _MINUTE_S:
            told_s = now_s
            took = daemon.footprint()
            files = daemon.status()["files"]
            print(
                f"soak: {int(measured.arguments.soak_s - end_s + now_s):5} s,"
                f" {churn.steps} steps, {files['total']:,} files,"
                f" {files['pending'] + files['processing']} left,"
                f" {took['own_mb']:.0f} MB of its own, {took['mapped_mb']:.0f} MB of files,"
                f" {took['open_files']:.0f} open files,"
                f" {took['threads']:.0f} threads, {took['processes']:.0f} processes,"
                f" {took['cpu_s']:.0f} s CPU",
                flush=True,
            )
        time.sleep(_SOAK_STEP_S)
    # Without a rescan: what events and the regular sweeps have found must be all.
    settled_s = until(lambda: measured.paths() == disk_paths(measured.folder), 0.5)
    print(
        f"soak: {churn.steps} steps, and the index agrees with the disk {settled_s:.1f} s after"
        f" the last; {daemon.wait_idle():.1f} s later everything is read",
        flush=True,
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


_SECTIONS: dict[str, Callable[[Measured], None]] = {
    "restart": restart,
    "move": move,
    "touch": touch,
    "latency": latency,
    "idle": idle,
    "soak": soak,
}

if __name__ == "__main__":
    main()
