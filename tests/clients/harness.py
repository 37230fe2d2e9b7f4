"""Runs a client's program against a daemon and reads what it saw."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.harness import Daemon

TRAIN = "The train from Porto to Lisbon leaves at 09:47."
QUESTION = "the train from Porto leaves"
PROGRAMS = Path(__file__).with_name("programs")
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Runtime:
    """What runs programs of one language, with clients installed beside it.

    Attributes:
        interpreter: The command.
        modules: A folder of modules that the program's own folder must have, for Node.
    """

    interpreter: str
    modules: Path | None = None

    def run(
        self, program: str, daemon: Daemon, folder: Path, more: Mapping[str, str] | None = None
    ) -> Any:
        """Run a program of the folder ``programs`` in a process and a folder of its own.

        It is told where prismd is by the variables that OpenAI's own clients read, finds the
        question to ask in ``QUESTION``, and prints what it saw as JSON.

        Args:
            program: The file's name.
            daemon: What it is pointed at.
            folder: An empty folder, its home.
            more: Further variables.
        """
        script = shutil.copy(PROGRAMS / program, folder)
        if self.modules is not None:
            (folder / "node_modules").symlink_to(self.modules / "node_modules")
        token = daemon.client.headers["Authorization"].removeprefix("Bearer ")
        done = subprocess.run(
            [self.interpreter, script],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "LANG": "C.UTF-8",
                "OPENAI_BASE_URL": f"{daemon.url}/v1",
                "OPENAI_API_KEY": token,
                "QUESTION": QUESTION,
                **(more or {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}\n{daemon.place.log.read_text()}"
        return json.loads(done.stdout)


def assert_cites_the_train(text: str, address: str, daemon: Daemon) -> None:
    """The answer is the sentence with its number, and its source shows it."""
    assert text.startswith(f"{TRAIN} [1]"), text
    assert address.startswith(f"{daemon.url}/c/"), address
    assert "09:47" in daemon.client.get(address).raise_for_status().text
