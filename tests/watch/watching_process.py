"""Watches a folder in a process of its own: ``python -m tests.watch.watching_process``.

It says how the folder is watched for every line that it reads, and ends when there are no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from prismd.store import files
from prismd.store.database import Database
from prismd.watch import Rules, Sweep
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching


class Process:
    """A process that watches a folder.

    Args:
        folder: What it watches.
        data_dir: Of the index; the folder is its only root.
        before: A command that the process is run by.
        poll_s: How often it looks at what nothing is told of.
    """

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        *,
        before: Sequence[str] = (),
        poll_s: float = 0.2,
        rescan_s: float = 1e6,
    ) -> None:
        command = [*before, sys.executable, "-m", "tests.watch.watching_process"]
        self._process = subprocess.Popen(
            [*command, str(folder), str(data_dir), str(poll_s), str(rescan_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self.ask()
        self._database = Database(data_dir, writable=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self) -> dict[str, Any]:
        """How the folder is watched."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "it has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def names(self) -> set[str]:
        """The files that the index has, by their names alone."""
        return {Path(os.fsdecode(path)).name for path in self._database.read(_paths)}

    def count(self) -> int:
        return self._database.read(lambda c: files.count(c, 1))

    def close(self) -> None:
        self._database.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextlib.contextmanager
def watching_process(*args: Any, **kwargs: Any) -> Iterator[Process]:
    process = Process(*args, **kwargs)
    try:
        yield process
    finally:
        process.close()


def _paths(connection: Any) -> list[bytes]:
    return list(files.known(connection, 1))


def main() -> None:
    folder, data_dir, poll_s, rescan_s = sys.argv[1:]
    database = Database(Path(data_dir))
    database.write(lambda c: files.add_root(c, folder, "config"))
    settings = WatchSettings(rescan_s=float(rescan_s), poll_s=float(poll_s))
    sweeps: list[Sweep] = []
    watching = Watching(database, lambda root: Rules(), settings, sweeps.append)
    watching.start()
    for _ in sys.stdin:
        state = watching.state_of(1)
        answer = {
            "state": state.state,
            "detail": state.detail,
            "swept": watching.swept(),
            "sweeps": len(sweeps),
        }
        print(json.dumps(answer), flush=True)
    watching.stop()
    database.close()


if __name__ == "__main__":
    main()
