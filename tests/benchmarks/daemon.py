"""A daemon to be measured: a process of its own, over a folder, asked over HTTP."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from prismd.access import read_token

_CONFIG = """\
[models]
embedding = "{embedding}"
reranking = "{reranking}"
generation = "{generation}"
image = ""
speech = ""

[server]
requests_per_minute = 0
"""
_PATIENCE_S = 7200.0
_LOOK_S = 0.02
_LIMIT = 50
"""What only its words find is among so many, though the stand-in's vectors find others."""


class Daemon:
    """A prismd over one folder.

    Args:
        folder: What it watches.
        data_dir: Its index; kept between starts.
        embedding: The embedding model, or ``fake``.
        reranking: The reranking model, ``fake``, or none.
        generation: The generator, ``fake``, or none.
    """

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        embedding: str,
        reranking: str = "",
        generation: str = "",
    ) -> None:
        self.folder = folder
        self.data_dir = data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self._config = data_dir / "measured.toml"
        self._config.write_text(
            _CONFIG.format(embedding=embedding, reranking=reranking, generation=generation)
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=60)

    def start(self) -> float:
        """Start it; gives the seconds until it answers a search."""
        command = [sys.executable, "-m", "prismd", "--data-dir", str(self.data_dir)]
        command += ["--config", str(self._config), "run", str(self.folder)]
        began_s = time.perf_counter()
        with (self.data_dir / "measured.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port)], stdout=log, stderr=log
            )
        while True:
            with contextlib.suppress(httpx.HTTPError, OSError):
                token = read_token(self.data_dir)
                self._client.headers["Authorization"] = f"Bearer {token}"
                self.search("note")
                return time.perf_counter() - began_s
            if self._process.poll() is not None:
                raise RuntimeError(f"it has ended; see {self.data_dir}/measured.log")
            time.sleep(_LOOK_S / 4)

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(self._client.base_url)

    @property
    def pid(self) -> int:
        """Of its main process."""
        assert self._process is not None
        return self._process.pid

    @property
    def headers(self) -> dict[str, str]:
        """What shows it the token."""
        return {"Authorization": self._client.headers["Authorization"]}

    def stop(self) -> None:
        """Stop it as systemd would."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        answer = self._client.get("/status")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def search(self, words: str) -> list[str]:
        """The paths of what is found."""
        answer = self._client.post("/search", json={"query": words, "limit": _LIMIT})
        answer.raise_for_status()
        return [result["metadata"]["path"] for result in answer.json()["results"]]

    def embeddings(self) -> int:
        """How many were computed since the start."""
        return int(self.status()["embeddings_computed"])

    def wait_idle(self) -> float:
        """Wait until there is nothing left to do; gives the seconds."""
        return until(lambda: self.status()["state"] == "idle", pause_s=0.1)

    def footprint(self) -> dict[str, float]:
        """What it takes: memory of the main process and of all, open files, threads, CPU."""
        assert self._process is not None
        main = psutil.Process(self._process.pid)
        children = main.children(recursive=True)
        everything = [main, *children]
        cpu_s = 0.0
        bytes_ = 0
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s += times.user + times.system
                bytes_ += private_bytes(process)
        ended = main.cpu_times()
        return {
            "own_mb": private_bytes(main) / 1e6,
            "mapped_mb": (main.memory_info().rss - private_bytes(main)) / 1e6,
            "own_all_mb": bytes_ / 1e6,
            "open_files": float(main.num_fds()),
            "threads": float(main.num_threads()),
            "processes": float(len(everything)),
            "cpu_s": cpu_s + ended.children_user + ended.children_system,
        }


def private_bytes(process: psutil.Process) -> int:
    """Memory of a process without the pages of files, which the system takes back at will.

    The index is mapped into memory as far as it was read.
    """
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


def until(condition: Callable[[], bool], pause_s: float = _LOOK_S) -> float:
    """Wait for something; gives the seconds that it took."""
    began_s = time.perf_counter()
    while not condition():
        if time.perf_counter() - began_s > _PATIENCE_S:
            raise TimeoutError("it did not come about")
        time.sleep(pause_s)
    return time.perf_counter() - began_s


def disk_paths(folder: Path) -> set[str]:
    """Every file in a folder and the folders below it."""
    return {
        os.path.join(here, name)  # noqa: PTH118 - a Path for each would cost more than the walk
        for here, _, names in os.walk(folder)
        for name in names
    }
