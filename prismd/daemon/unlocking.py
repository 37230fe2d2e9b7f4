"""Opens the index by what the settings say of its encryption.

What the file is counts: an encrypted one is opened with its key whatever the settings say, and a
plain one is not taken where they want an encrypted one. A new file is made as they say.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from prismd.config.options import Config
from prismd.encryption import asking
from prismd.encryption.discretion import Told
from prismd.encryption.key import Key
from prismd.encryption.key_places import FileKey, KeyAway, KeyPlace, KeyringKey, KnownKey
from prismd.errors import ConfigError
from prismd.store import cipher, faults
from prismd.store.cipher import WrongKey
from prismd.store.database import FILE_NAME, Database

log = logging.getLogger(__name__)


def open_database(
    config: Config, *, writable: bool, at_rest: bool = False, place: KeyPlace | None = None
) -> Database:
    """Open the index of the settings; see ``Database``.

    Args:
        config: The settings.
        writable: See ``Database``.
        at_rest: See ``Database``.
        place: Where the key is, if not where the settings say.

    Raises:
        ConfigError: The settings want it encrypted, and it is not; or what they say of the key is
            wrong.
        KeyAway: Its key cannot be had now.
        StoreError: It cannot be opened.
    """
    if not is_encrypted(config):
        return Database(config.data_dir, writable=writable, at_rest=at_rest)
    path = config.data_dir / FILE_NAME
    if (state := _state(path)) == "plain":
        told = (
            f"{path}: is not encrypted, as [storage] encryption wants it; stop prismd and run"
            " 'prismd encrypt', or set encryption = false"
        )
        raise ConfigError(told).saying(told)
    place = place or key_place(config)
    if writable and state != "absent" and not config.storage.encryption:
        log.warning(
            "the index is encrypted, though [storage] encryption is not set; set it, so that a new"
            " one is encrypted as well"
        )
    key = partial(_key, path, place)
    return Database(config.data_dir, writable=writable, at_rest=at_rest, key=key)


def is_encrypted(config: Config) -> bool:
    """Whether the index is encrypted, or will be when it is made."""
    return config.storage.encryption or is_encrypted_at(config.data_dir)


def is_encrypted_at(data_dir: Path) -> bool:
    """Whether there is an encrypted index in a folder."""
    return _state(data_dir / FILE_NAME) == "encrypted"


def key_wanted(config: Config) -> Callable[[], KeyPlace] | None:
    """What asks for the key of the index, or makes that of a new one; None if it needs none.

    To be called in a thread to spare, for it takes as long as a keyring takes. It returns the place
    with the key that was got, raises ``KeyAway`` when that cannot be had, and ``ConfigError`` when
    what is in its place is none. Whether it is the right one shows when the index is opened: that
    is looked at now, and not touched by the asking, which may come to its end at any time.

    Raises:
        ConfigError: What the settings say of the key is wrong.
    """
    path = config.data_dir / FILE_NAME
    if not is_encrypted(config) or (state := _state(path)) == "plain":
        return None
    asked, place = key_place(config, bound_s=None), key_place(config)
    got = partial(_key_of_new, asked) if state == "absent" else partial(_kept, path, asked)
    return lambda: KnownKey(place, got())


def key_place(config: Config, *, bound_s: float | None = asking.BOUND_S) -> KeyPlace:
    """Where the key of the index is kept.

    Args:
        config: The settings.
        bound_s: How long a keyring may take; see ``asking.answer``.

    Raises:
        ConfigError: The file for it is not named, or would lie where it is no secret.
    """
    storage = config.storage
    if storage.key == "keyring":
        return KeyringKey(config.data_dir, bound_s)
    if storage.key_file is None:
        raise ConfigError(
            '[storage] key_file: is needed with key = "file"; name a file that is not kept with'
            " the index, such as one on a stick"
        )
    real = Path(os.path.realpath(storage.key_file))
    for folder in (config.data_dir, *(folder.path for folder in config.folders)):
        if real.is_relative_to(os.path.realpath(folder)):
            raise ConfigError(
                f"[storage] key_file: {storage.key_file} lies in {folder}, with what it is to keep"
                " secret or what is read; name a file elsewhere"
            )
    return FileKey(storage.key_file)


def key_of(path: Path, place: KeyPlace) -> Key:
    """The key of an encrypted index.

    Raises:
        KeyAway: It is not in its place, or that cannot be asked now.
        WrongKey: What is there does not open it.
    """
    key = _kept(path, place)
    with faults.told(path):
        if key is not None and cipher.opens(path, key):
            return key
    # A change of the key that was cut short after the file had the next one.
    following = place.read_next()
    with faults.told(path):
        if following is not None and cipher.opens(path, following):
            place.promote(following)
            return following
    raise WrongKey(
        f"{path}: the key from {place} does not open it: it is that of another index, or the file"
        " is damaged; put the right one there with 'prismd key restore', or restore a backup of the"
        " index, or delete it and run 'prismd index'"
    )


def _kept(path: Path, place: KeyPlace) -> Key | None:
    """The key that is in its place; None where there is the next one alone.

    Raises:
        KeyAway: There is neither.
    """
    key = place.read()
    if key is None and place.read_next() is None:
        raise KeyAway(
            f"{path}: is encrypted, and its key is not in {place}; put it back there with 'prismd"
            " key restore', or see that [storage] key and key_file say where it is. Without the key"
            " the index cannot be read: delete it, and 'prismd index' makes a new one of your files"
        )
    return key


def _key(path: Path, place: KeyPlace) -> Key:
    return _key_of_new(place) if _state(path) == "absent" else key_of(path, place)


def _key_of_new(place: KeyPlace) -> Key:
    """The key of an index that is still to be made: the one that there is, or a new one."""
    key = place.read()
    if key is None:
        key = Key.fresh()
        place.keep(key)
        log.warning(
            "the index has a new key, which is in %s; 'prismd key show' prints it: keep it"
            " elsewhere too, for without it the index cannot be read",
            Told(place, "the place that [storage] names"),
        )
    return key


def _state(path: Path) -> cipher.State:
    with faults.told(path):
        return cipher.state(path)
