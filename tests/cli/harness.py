"""prismd as its users run it: real processes, each with a home and a data directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

import prismd
from prismd.errors import StoreError
from prismd.store.database import Database
from tests.api.harness import write_sample
from tests.building import wait_until
from tests.ports import free_port

COMMAND = [sys.executable, "-m", "prismd"]
CONFIG = """\
[models]
embedding = "fake"
reranking = "fake"
generation = "off"
image = "off"
speech = "off"

[index]
workers = 1
"""
_LONG_AGO_S = 1_700_000_000
_PATIENCE_S = 120.0


def hours_of_later() -> str:
    """A ``[schedule]`` that lets nothing be read now, nor for hours."""
    hour = (datetime.now() + timedelta(hours=12)).hour
    return f'\n[schedule]\nhours = ["{hour:02}:00-{hour:02}:01"]\n'


class Place:
    """Where one user's prismd runs.

    Args:
        root: An empty folder for the home, the data directory, the settings and the files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.folder = root / "files"
        self.data_dir = root / "data"
        self.config = root / "config.toml"
        self.log = root / "daemon.log"
        (root / "home").mkdir()
        self.folder.mkdir()
        self.config.write_text(CONFIG)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables of a process: those of this one but for what changes prismd, and more."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PRISMD_", "XDG_", "PYTHONUNBUFFERED"))
        }
        source = str(Path(prismd.__file__).parents[1])
        return {
            **kept,
            "HOME": str(self.root / "home"),
            "PYTHONPATH": os.pathsep.join([source, *filter(None, [kept.get("PYTHONPATH")])]),
            "PRISMD_CONFIG": str(self.config),
            "PRISMD_DATA_DIR": str(self.data_dir),
            "PRISMD_PORT": str(self.port),
            "PRISMD_SCHEDULE_ON_BATTERY": "run",  # wherever the tests run
            "PRISMD_SERVER_REQUESTS_PER_MINUTE": "0",  # tests ask until something has come about
            **(more or {}),
        }

    def run(
        self, *arguments: object, exit_code: int = 0, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a command that must end with a code, and never with a trace.

        Returns:
            What it wrote to standard output; of a command that fails, to standard error.
        """
        (said,) = self.run_at_once([arguments], exit_code=exit_code, env=env)
        return said

    def run_at_once(
        self,
        commands: Iterable[Sequence[object]],
        *,
        exit_code: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Run several commands at the same time; see ``run``."""
        started = [self.start(*arguments, env=env) for arguments in commands]
        ended = [(process, *process.communicate(timeout=_PATIENCE_S)) for process in started]
        for process, out, err in ended:
            assert "Traceback" not in out + err, err
            assert process.returncode == exit_code, (process.args, process.returncode, out, err)
        return [err if exit_code and err else out for _, out, err in ended]

    def json(
        self, *arguments: object, exit_code: int = 0, env: Mapping[str, str] | None = None
    ) -> Any:
        """Run a command with ``--json`` and read what it printed."""
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code, env=env))

    def run_python(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program of Python's as a command of ours would be run."""
        return subprocess.run(
            [sys.executable, "-c", program],
            check=False,
            env=self.environment(),
            capture_output=True,
            text=True,
        )

    def start(
        self, *arguments: object, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(env),
        )

    def write(self, name: str, content: str, *, age: int = 0) -> Path:
        """Write a file that has been still for long; ``age`` tells one version from another."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        os.utime(path, (_LONG_AGO_S + age, _LONG_AGO_S + age))
        return path

    def write_sample(self) -> None:
        """The sample files, as if they had been there for long."""
        write_sample(self.folder)
        for path in self.folder.iterdir():
            os.utime(path, (_LONG_AGO_S, _LONG_AGO_S))

    def states(self) -> dict[str, str]:
        """States of the files by their names, read past whoever has the index open.

        Returns:
            Nothing as long as there is no index.
        """
        try:
            database = Database(self.data_dir, writable=False)
        except StoreError:
            return {}
        try:
            rows = database.read(lambda c: c.execute("SELECT path, state FROM files").fetchall())
        finally:
            database.close()
        return {Path(str(path)).name: str(state) for path, state in rows}

    @contextmanager
    def daemon(
        self, folders: Sequence[object] | None = None, env: Mapping[str, str] | None = None
    ) -> Iterator[Daemon]:
        """A running daemon over the folder of the place, or over those that are named."""
        folders = [self.folder] if folders is None else folders
        daemon = self.start_daemon(*folders, env=env)
        try:
            daemon.await_health()
            yield daemon
        finally:
            daemon.end()

    def start_daemon(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> Daemon:
        """Start a daemon, which is to be ended; its log goes to that of the place."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [*command, "run", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=self.environment(env),
            )
        return Daemon(self, process)


class Daemon:
    """A running daemon, and a client of it that has the token."""

    def __init__(self, place: Place, process: subprocess.Popen[bytes]) -> None:
        self.place = place
        self.process = process
        self.url = f"http://127.0.0.1:{place.port}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=60)

    def await_health(self) -> None:
        """Wait until it answers, and show it the token from then on."""

        def answers() -> bool:
            assert self.process.poll() is None, self.place.log.read_text()
            try:
                return self.client.get("/health").is_success
            except httpx.TransportError:
                return False

        wait_until(answers)
        token = (self.place.data_dir / "token").read_text().strip()
        self.client.headers["Authorization"] = f"Bearer {token}"

    def status(self) -> Any:
        """What ``/status`` says."""
        return self.client.get("/status").raise_for_status().json()

    def await_idle(self) -> None:
        """Wait until everything is read and embedded."""
        wait_until(lambda: self.status()["state"] == "idle")

    def finds(self, words: str) -> list[str]:
        """The names of the files in which words are found, best first."""
        found = self.client.post("/search", json={"query": words}).raise_for_status().json()
        return [
            Path(result["metadata"]["path"]).name
            for result in found["results"]
            if words.split(maxsplit=1)[0].lower() in result["metadata"]["text"].lower()
        ]

    def children(self) -> list[psutil.Process]:
        """The processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_S)

    def end(self) -> None:
        """Make sure that it runs no more."""
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
