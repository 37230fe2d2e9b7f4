"""A session with a keyring: a bus and a keyring of GNOME's, both the test's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import jeepney
import jeepney.io.blocking
from secretstorage import Collection
from secretstorage.collection import DEFAULT_COLLECTION
from secretstorage.defines import SS_PATH
from secretstorage.exceptions import SecretStorageException
from secretstorage.util import DBusAddressWrapper, format_secret, open_session

from tests.building import wait_until
from tests.service.manager import need

_PASSWORD = b"walrus"
_UNLOCKING = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
"""By which the keyring is unlocked at a login, and nobody is asked."""
_PROMPT = "Activating service name='org.gnome.keyring.SystemPrompter'"


class Session:
    """A session whose keyring is open at first.

    Args:
        bus: The address of its bus.
        folder: Its own files.
        log: What the bus has to say.
    """

    def __init__(self, bus: str, folder: Path, log: Path) -> None:
        self._bus = bus
        self._log = log
        self.environment = {
            "DBUS_SESSION_BUS_ADDRESS": bus,
            "XDG_RUNTIME_DIR": str(folder),
            # No window is to appear on the screen of whoever runs the tests.
            "DISPLAY": "",
            "WAYLAND_DISPLAY": "",
        }

    def lock(self) -> None:
        """Lock the keyring."""
        with self._collection() as collection:
            collection.lock()
            assert collection.is_locked()

    def unlock(self) -> None:
        """Unlock the keyring, as a login does."""
        with self._collection() as collection:
            bus = collection.connection
            secret = format_secret(open_session(bus), _PASSWORD, "text/plain")
            keyring = DBusAddressWrapper(SS_PATH, _UNLOCKING, bus)
            keyring.call("UnlockWithMasterPassword", "o(oayays)", DEFAULT_COLLECTION, secret)
            assert not collection.is_locked()

    def is_open(self) -> bool:
        """Whether there is a keyring, and it is open."""
        if not self._is_there():
            return False
        try:
            with self._collection() as collection:
                return not collection.is_locked()
        except SecretStorageException:
            return False

    def _is_there(self) -> bool:
        """Whether a keyring is on the bus; to ask it before would have the bus start another."""
        with closing(jeepney.io.blocking.open_dbus_connection(self._bus)) as bus:
            asked = jeepney.message_bus.NameHasOwner("org.freedesktop.secrets")
            return bool(bus.send_and_get_reply(asked).body == (True,))

    def times_asked(self) -> int:
        """How often the keyring has tried to ask its user for the password."""
        return self._log.read_text().count(_PROMPT)

    @contextmanager
    def _collection(self) -> Iterator[Collection]:
        with closing(jeepney.io.blocking.open_dbus_connection(self._bus)) as bus:
            yield Collection(bus)


@contextmanager
def session(folder: Path) -> Iterator[Session]:
    """Have a session for as long as the context lasts.

    Args:
        folder: An empty one.
    """
    need("dbus-daemon")
    need("gnome-keyring-daemon")
    log = folder / "bus.log"
    home = {"HOME": str(folder), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder)}
    bus = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"]
    with log.open("w") as told, _running(bus, told.fileno(), home) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().decode().strip()
        keyring = ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"]
        home["DBUS_SESSION_BUS_ADDRESS"] = address
        with _running(keyring, told.fileno(), home) as ring:
            assert ring.stdin is not None
            ring.stdin.write(_PASSWORD)
            ring.stdin.close()
            made = Session(address, folder, log)
            wait_until(made.is_open)
            yield made


@contextmanager
def _running(
    command: list[str], log: int, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
