"""prismd as a wheel beside nothing but what the wheel asks for, far from any source tree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.building import wait_until
from tests.clients.installing import python_with
from tests.packaging.archives import ROOT
from tests.ports import free_port

_PATIENCE_S = 180.0


class Alone:
    """An environment with the wheel, and an empty home.

    Args:
        wheel: What is installed.
        folder: An empty folder for the environment, the home and the files.

    Raises:
        InstallError: What the wheel asks for cannot be had.
    """

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.bin = folder / "environment" / "bin"
        self.home = folder / "home"
        self.files = folder / "files"
        self.elsewhere = folder / "elsewhere"
        for made in (self.home, self.files, self.elsewhere):
            made.mkdir()
        # What it asks for is large and always the same, so it stands in an environment that is
        # kept; this one sees it by a line in a file.
        asked_for = python_with("requirements-runtime", ROOT)
        self._call(sys.executable, "-m", "venv", "--without-pip", folder / "environment")
        said = "import sysconfig; print(sysconfig.get_path('purelib'))"
        kept, own = (self._call(python, "-c", said) for python in (asked_for, self.bin / "python"))
        Path(own.strip(), "asked-for.pth").write_text(kept)
        pip = [sys.executable, "-m", "pip", "--python", self.bin / "python"]
        self._call(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables of a process: nothing but what a login sets, and more."""
        return {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(self.bin), os.environ["PATH"]]),
            "PRISMD_SCHEDULE_ON_BATTERY": "run",  # wherever the tests run
            **(more or {}),
        }

    def run(
        self,
        *arguments: object,
        codes: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run ``prismd``, which must end with one of the codes; returns all that it said."""
        return self._call(self.bin / "prismd", *arguments, codes=codes, env=env)

    def python(self, program: str) -> str:
        """What a program says to whom it prints, run by the environment's Python."""
        return self._call(self.bin / "python", "-c", program)

    @contextmanager
    def daemon(self, *arguments: object) -> Iterator[str]:
        """A running daemon, by its address; it must end well when it is asked to."""
        port = free_port()
        log = self.elsewhere / "daemon.log"
        with log.open("w") as said:
            process = subprocess.Popen(
                [self.bin / "prismd", "run", "--port", str(port), *map(str, arguments)],
                cwd=self.elsewhere,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stderr=said,
            )

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
            except httpx.TransportError:
                return False

        try:
            wait_until(answers)
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            assert process.wait(_PATIENCE_S) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _call(
        self,
        *command: object,
        codes: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.elsewhere,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        assert done.returncode in codes, (command, done.returncode, done.stdout)
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout
