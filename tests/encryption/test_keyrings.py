"""Keyrings that come while prismd runs are found, and what cannot be looked into is not guessed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring import core

from prismd.encryption import keyrings

_CHOICE = "PYTHON_KEYRING_BACKEND"
_DESKTOP = """
from jaraco.classes.properties import classproperty
from keyring.backend import KeyringBackend
from prismd.encryption import keyrings
there = False
class Desktop(KeyringBackend):
    @classproperty
    def priority(cls):
        if not there:
            raise RuntimeError("nobody has logged in")
        return 5
    def get_password(self, service, username): ...
    def set_password(self, service, username, password): ...
assert keyrings.is_open("prismd", "/x") is False
assert keyrings.safe_keyring() is None
there = True
assert keyrings.is_open("prismd", "/x") is None
assert isinstance(keyrings.safe_keyring(), Desktop)
"""


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A session without one; what there is can be chosen by a variable."""
    before = keyring.get_keyring()
    monkeypatch.setenv(_CHOICE, "keyring.backends.fail.Keyring")
    core.init_backend()
    yield monkeypatch
    keyring.set_keyring(before)


def test_a_keyring_that_comes_later_is_found(no_keyring: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert keyrings.safe_keyring() is None
        assert keyrings.is_open("prismd", "/x") is False
    no_keyring.setenv(_CHOICE, "tests.encryption.memory_keyring.MemoryKeyring")
    assert keyrings.is_open("prismd", "/x") is None  # it is there, and nobody knows how it stands
    assert keyrings.safe_keyring() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always one")
def test_a_keyring_that_nobody_chose_and_that_comes_with_the_desktop_is_found(
    tmp_path: Path,
) -> None:
    kept = {name: value for name, value in os.environ.items() if name != _CHOICE}
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/at/all", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", _DESKTOP], env={**kept, **nowhere}, check=True)


def test_a_keyring_whose_bus_is_gone_is_none(no_keyring: pytest.MonkeyPatch) -> None:
    pytest.importorskip("secretstorage", reason="of Linux alone")
    from keyring.backends import SecretService

    no_keyring.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/at/all")
    keyring.set_keyring(SecretService.Keyring())  # type: ignore[no-untyped-call]
    assert keyrings.safe_keyring() is None
    assert keyrings.is_open("prismd", "/x") is False
