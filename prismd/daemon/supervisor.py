"""Tells the service manager that started prismd how it stands, as systemd's sd_notify has it.

The protocol is datagrams of ``KEY=value`` lines to a socket that the environment names; without
one, nothing is told. A message that is lost is no reason for anything to fail.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, MutableMapping

from prismd.encryption.discretion import own

log = logging.getLogger(__name__)

_SEND_S = 1.0
_EXTEND_EVERY_S = 10.0
_EXTENSION_S = 60.0
_LONGEST_START_S = 3_600.0
"""A start that takes longer hangs, and is left to the manager's own deadline."""
_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Supervisor:
    """What started this process, and is told of it. Every method may be called from any thread.

    Args:
        address: Of its socket: a path, or an abstract name after ``@``; empty for nobody.
        watchdog_s: The longest that it goes without a ping before it ends the process; 0 is for
            ever.
        extend_every_s: How often a start that takes long asks for more time.
    """

    def __init__(
        self,
        address: str = "",
        watchdog_s: float = 0.0,
        *,
        extend_every_s: float = _EXTEND_EVERY_S,
    ) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = watchdog_s
        self._extend_every_s = extend_every_s
        self._lock = threading.Lock()
        self._is_ready = False
        self._is_stopping = False
        self._status = ""

    @classmethod
    def take(cls, environment: MutableMapping[str, str] = os.environ) -> Supervisor:
        """Whoever the environment names, taken out of it: a child is not to speak for prismd."""
        address, usec, pid = (environment.pop(name, "") for name in _VARIABLES)
        if not address.startswith(("@", "/")):
            if address:
                log.warning(
                    "NOTIFY_SOCKET is %s, which is no socket of this computer", own(address)
                )
            return cls()
        is_meant = not pid or pid == str(os.getpid())
        return cls(address, int(usec) / 1e6 if usec.isdecimal() and is_meant else 0.0)

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._address)

    @contextlib.contextmanager
    def starting(self, what: str) -> Iterator[None]:
        """Have a part of the start take as long as it takes, such as a migration.

        Who has said before that it serves, as who waits for somebody does, is watched by then: it
        counts as alive meanwhile.

        Args:
            what: Is done, as the manager shows it.
        """
        if not self.listens:
            yield
            return
        done = threading.Event()
        extending = threading.Thread(
            target=self._extend, args=(what, done), name="prismd-starting", daemon=True
        )
        extending.start()
        try:
            yield
        finally:
            done.set()
            extending.join()

    def _extend(self, what: str, done: threading.Event) -> None:
        end_s = time.monotonic() + _LONGEST_START_S
        told = f"STATUS={what}\nEXTEND_TIMEOUT_USEC={_EXTENSION_S * 1e6:.0f}"
        every_s = self._extend_every_s
        if self._is_ready and self.watchdog_s:
            told += "\nWATCHDOG=1"
            every_s = min(every_s, self.watchdog_s / 4)
        while time.monotonic() < end_s:
            self._send(told)
            if done.wait(every_s):
                return

    def ready(self, status: str = "") -> None:
        """It serves, from now on or once more after ``reloading``; or waits for somebody to act."""
        self._is_ready = True
        self._send_unless_stopping(
            "READY=1" + (f"\nSTATUS={_in_one_line(status)}" if status else "")
        )

    def status(self, status: str) -> None:
        """How it stands, in one line; the same line is told once."""
        status = _in_one_line(status)
        with self._lock:
            if self._is_stopping or status == self._status:
                return
            self._status = status
            self._send(f"STATUS={status}")

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """The configuration is read for as long as the context lasts."""
        self._send_unless_stopping(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self.ready()

    def ping(self) -> None:
        """It is alive."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """It ends; told once, and nothing is told after it."""
        with self._lock:
            if not self._is_stopping:
                self._is_stopping = True
                self._send("STOPPING=1\nSTATUS=stopping")

    def _send_unless_stopping(self, message: str) -> None:
        with self._lock:  # so that it cannot be overtaken by the end
            if not self._is_stopping:
                self._send(message)

    def _send(self, message: str) -> None:
        if not self.listens:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SEND_S)
                sender.connect(self._address)
                sender.sendall(message.encode("utf-8", "replace"))
        except OSError as error:
            key = own(message.partition("=")[0])
            log.debug("the service manager was not told %s: %s", key, error)


def _in_one_line(text: str) -> str:
    """A text that is told as a value: a line of its own would be another message."""
    return " ".join(text.split())
