"""The service manager that a test plays: a notify socket, and sockets that are handed over."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.building import wait_until
from tests.needing import leave_out


class Told:
    """What a daemon tells its service manager, as it comes.

    Args:
        address: As in ``NOTIFY_SOCKET``: a path, or a name after ``@``.
        on_ready: Called in the moment in which it says that it serves.
    """

    def __init__(self, address: str, on_ready: Callable[[], None] = lambda: None) -> None:
        self.address = address
        self._on_ready = on_ready
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._messages: list[dict[str, str]] = []
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        while message := self._socket.recv(65_536):
            told = dict(line.partition("=")[::2] for line in message.decode().splitlines())
            if told.get("READY") and not self.values("READY"):
                self._on_ready()
            self._messages.append(told)

    def values(self, key: str) -> list[str]:
        """What was told by a key, in order."""
        return [told[key] for told in tuple(self._messages) if key in told]

    def first_keys(self) -> list[str]:
        """The first key of each message, in order."""
        return [next(iter(told)) for told in tuple(self._messages)]

    def await_value(self, key: str, value: str = "", *, count: int = 1) -> None:
        """Wait until something was told, so many times."""
        wait_until(lambda: sum(value in told for told in self.values(key)) >= count)

    def await_end(self) -> None:
        """Wait until it was told that the daemon ends; a process may have ended before that."""
        self.await_value("STOPPING")

    def catch_up(self) -> None:
        """Wait until all is heard that was told until now."""
        before = len(self.values("HEARD"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"HEARD=all", self._socket.getsockname())
        self.await_value("HEARD", count=before + 1)

    def close(self) -> None:
        """Hear no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@contextmanager
def hearing(address: str, on_ready: Callable[[], None] = lambda: None) -> Iterator[Told]:
    """Hear what is told to an address."""
    told = Told(address, on_ready)
    try:
        yield told
    finally:
        told.close()


def stand_in(folder: Path, name: str, script: str) -> Path:
    """Put a program on a PATH that stands in for one of the system, and notes how it is called.

    Args:
        folder: Of the PATH; the calls are noted in ``calls`` beside it.
        name: Of the program.
        script: What it does, in sh; ``$*`` are its arguments.

    Returns:
        Where the calls are noted, one a line.
    """
    folder.mkdir(exist_ok=True)
    calls = folder.parent / "calls"
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{calls}"\n{script}\n')
    program.chmod(0o755)
    return calls


def need(program: str) -> None:
    """Skip a test that needs a program of systemd's; where everything is to be run, fail."""
    if shutil.which(program):
        return
    if sys.platform == "linux":
        leave_out(f"{program} is not here, and scripts/test installs it")
    pytest.skip(f"{program} is not here")


def stream_of(path: Path) -> str:
    """A file as ``JOURNAL_STREAM`` names what standard error is connected to."""
    path.touch()
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}"


def watchdog(seconds: float, pid: int | None = None) -> dict[str, str]:
    """The variables by which a service is given a watchdog."""
    told = {"WATCHDOG_USEC": f"{seconds * 1e6:.0f}"}
    return told if pid is None else {**told, "WATCHDOG_PID": str(pid)}


HANDING_OVER = """\
import os, sys
listener = int(sys.argv[1])
for number in range(int(sys.argv[2])):
    os.dup2(listener, 3 + number, inheritable=True)
os.environ |= {"LISTEN_FDS": sys.argv[2], "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "p"}
os.execv(sys.executable, [sys.executable, "-m", "prismd", *sys.argv[3:]])
"""
"""Starts prismd as a service manager that hands a socket over does: its own id in LISTEN_PID."""


def handed_environment(count: str = "1", pid: int | None = None) -> dict[str, str]:
    """The variables that go with sockets which are handed over."""
    return {"LISTEN_FDS": count, "LISTEN_PID": str(os.getpid() if pid is None else pid)}
