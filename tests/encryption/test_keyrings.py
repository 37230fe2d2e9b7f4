"""Keyrings that come while prismd runs are found, and what cannot be looked into is not guessed."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring import core

from prismd.encryption import keyrings

_CHOICE = "PYTHON_KEYRING_BACKEND"


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


def test_a_keyring_whose_bus_is_gone_is_none(no_keyring: pytest.MonkeyPatch) -> None:
    pytest.importorskip("secretstorage", reason="of Linux alone")
    from keyring.backends import SecretService

    no_keyring.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/at/all")
    keyring.set_keyring(SecretService.Keyring())  # type: ignore[no-untyped-call]
    assert keyrings.safe_keyring() is None
    assert keyrings.is_open("prismd", "/x") is False
