"""A store in a process of its own, asked by JSON lines; its memory is looked at from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import psutil

from tests.benchmarks.daemon import private_bytes
from tests.benchmarks.peer.environment import OFFLINE

_LOOK_S = 0.05


class Watched:
    """The memory of a process and of its children, now and at most, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self.most_bytes = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now_bytes(self) -> int:
        """Their own memory, without pages of files."""
        found = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [self._process, *self._process.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += private_bytes(process)
        return found

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.most_bytes = max(self.most_bytes, self.now_bytes())


class Program:
    """A program that speaks as ``programs/serving.py`` says.

    Args:
        command: What runs it.
        threads: How many it may compute with.
        log: Where its errors go.
    """

    def __init__(self, command: Sequence[str], threads: int, log: Path) -> None:
        self._log = log
        environment = os.environ | OFFLINE | {"OMP_NUM_THREADS": str(threads)}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        self.memory = Watched(self._process.pid)

    def ask(self, do: str, **given: object) -> dict[str, Any]:
        """Have it do something.

        Raises:
            SystemExit: It has ended.
        """
        with contextlib.suppress(BrokenPipeError):
            into = cast("IO[str]", self._process.stdin)
            into.write(json.dumps({"do": do, **given}) + "\n")
            into.flush()
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise SystemExit(f"a peer has ended:\n{self._log.read_text()[-2000:]}")
        return cast("dict[str, Any]", json.loads(line))

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.memory.close()
        cast("IO[str]", self._process.stdin).close()
        cast("IO[str]", self._process.stdout).close()
        self._process.wait()
