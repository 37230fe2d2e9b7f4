"""Opens the index by what the settings say of its encryption.

What the file is counts: an encrypted one is opened with its key whatever the settings say, and a
plain one is not taken where they want an encrypted one. A new file is made as they say.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

from prismd.config.options import Config
from prismd.discretion import Told
from prismd.errors import ConfigError, StoreError
from prismd.key import Key
from prismd.key_places import FileKey, KeyPlace, KeyringKey
from prismd.store import cipher, faults
from prismd.store.cipher import WrongKey
from prismd.store.database import FILE_NAME, Database

log = logging.getLogger(__name__)


def open_database(config: Config, *, writable: bool, at_rest: bool = False) -> Database:
    """Open the index of the settings; see ``Database``.

    Raises:
        ConfigError: The settings want it encrypted, and it is not; or what they say of the key is
            wrong.
        StoreError: It cannot be opened, or its key cannot be had.
    """
    if not is_encrypted(config):
        return Database(config.data_dir, writable=writable, at_rest=at_rest)
    path = config.data_dir / FILE_NAME
    if (state := _state(path)) == "plain":
        raise ConfigError(
            f"{path}: is not encrypted, as [storage] encryption wants it; stop prismd and run"
            " 'prismd encrypt', or set encryption = false"
        )
    place = key_place(config)
    if writable and state != "absent" and not config.storage.encryption:
        log.warning(
            "the index is encrypted, though [storage] encryption is not set; set it, so that a new"
            " one is encrypted as well"
        )
    key = partial(_key, path, place)
    return Database(config.data_dir, writable=writable, at_rest=at_rest, key=key)


def is_encrypted(config: Config) -> bool:
    """Whether the index is encrypted, or will be when it is made."""
    return config.storage.encryption or _state(config.data_dir / FILE_NAME) == "encrypted"


def key_place(config: Config) -> KeyPlace:
    """Where the key of the index is kept.

    Raises:
        ConfigError: The file for it is not named, or would lie where it is no secret.
    """
    storage = config.storage
    if storage.key == "keyring":
        return KeyringKey(config.data_dir)
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
        StoreError: It is not in its place.
        WrongKey: What is there does not open it.
    """
    key, following = place.read(), place.read_next()
    if key is None and following is None:
        raise StoreError(
            f"{path}: is encrypted, and its key is not in {place}; put it back there with 'prismd"
            " key restore', or see that [storage] key and key_file say where it is. Without the key"
            " the index cannot be read: delete it, and 'prismd index' makes a new one of your files"
        )
    with faults.told(path):
        if key is not None and cipher.opens(path, key):
            return key
        # A change of the key that was cut short after the file had the next one.
        if following is not None and cipher.opens(path, following):
            place.promote()
            return following
    raise WrongKey(
        f"{path}: the key from {place} does not open it: it is that of another index, or the file"
        " is damaged; put the right one there with 'prismd key restore', or restore a backup of the"
        " index, or delete it and run 'prismd index'"
    )


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
