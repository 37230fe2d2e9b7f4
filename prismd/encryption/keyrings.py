"""The keyring of the user's session: which one it is, and whether it is open.

To ask a locked keyring for something has it ask its user for a password. Whoever waits for it to
be unlocked must not do so again and again, and looks instead.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend
    from keyring.backends.SecretService import Keyring as SecretService


def safe_keyring() -> KeyringBackend | None:
    """The keyring of this session; None without one that keeps what it is given a secret."""
    import keyring
    from keyring.core import recommended

    try:
        backend = keyring.get_keyring()
        return backend if recommended(backend) else None
    except Exception:  # it asks the bus, and raises whatever becomes of that
        return None


def is_open(service: str, entry: str) -> bool | None:
    """Whether an entry, if there is one, can be had without a question to the user.

    Looks for a keyring anew where this process has found none yet: many come with the desktop.

    Args:
        service: Of the entry.
        entry: Its name.

    Returns:
        None where that cannot be told without asking for the entry.
    """
    from keyring import core
    from keyring.backend import get_all_keyring
    from keyring.backends import SecretService

    if safe_keyring() is None:
        # It looks for all there are once, if at all, and knows them for ever.
        with suppress(KeyError):
            get_all_keyring.reset()
        with suppress(Exception):  # of a choice in its variable or its settings that is none
            core.init_backend()
    if (backend := safe_keyring()) is None:
        return False
    chained = getattr(backend, "backends", (backend,))
    found = (each for each in chained if isinstance(each, SecretService.Keyring))
    desktops = next(found, None)
    return None if desktops is None else _is_unlocked(desktops, service, entry)


def _is_unlocked(backend: SecretService, service: str, entry: str) -> bool:
    """As D-Bus's Secret Service tells it, which GNOME, KDE and KeePassXC have."""
    import secretstorage
    from secretstorage.collection import DEFAULT_COLLECTION

    path = getattr(backend, "preferred_collection", DEFAULT_COLLECTION)
    try:
        with closing(secretstorage.dbus_init()) as bus:
            collection = secretstorage.Collection(bus, path)
            items = collection.search_items({"service": service, "username": entry})
            return not collection.is_locked() and not any(item.is_locked() for item in items)
    except Exception:  # whatever it is, it is not open; asking for the entry tells what it is
        return False
