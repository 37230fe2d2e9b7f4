"""Encryption of the one file, by SQLite3 Multiple Ciphers: ChaCha20 and Poly1305, page by page.

Every page has a nonce of its own, which is new at every write, and a tag, so a page that was
changed or moved is refused. The write-ahead log and the journal have the same pages. Not told is
a whole file, or a page at its own place, that somebody replaces by an older state of it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import apsw

from prismd.encryption.key import Key
from prismd.errors import StoreError

State = Literal["absent", "plain", "encrypted", "unknown"]
"""``unknown`` is what begins neither way: another program's file, or a damaged one."""

_CIPHER = "chacha20"
_PLAIN = b"SQLite format 3\x00"
_HEAD_BYTES = 24
_CACHE_KIB = 8_192
"""Of each connection."""
_ENCRYPTED = re.compile(rb".{16}[\x01-\x80]\x00[\x01\x02]{2}\x20\x40\x20\x20", re.DOTALL)
"""The salt; then, as in any file of SQLite, page size, versions, the bytes that each page keeps
for nonce and tag, and three constants."""


class WrongKey(StoreError):
    """A key does not open the file, or the file is damaged at its beginning: nobody can tell."""


def state(path: Path) -> State:
    """What a file is, told by its beginning.

    To be asked before this process opens the file by SQLite, whose locks would end here.

    Raises:
        OSError: It is there, and cannot be read.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except IsADirectoryError:
        return "unknown"
    if not head:
        return "absent"  # made, and not written yet
    if head.startswith(_PLAIN):
        return "plain"
    return "encrypted" if _ENCRYPTED.match(head) else "unknown"


def unlock(connection: apsw.Connection, key: Key) -> None:
    """Give a connection the key; before anything else is done by it.

    Raises:
        StoreError: This SQLite does not encrypt.
        WrongKey: It is not that of the file.
    """
    # One that knows nothing of keys would take them without a word, and write everything plainly.
    if connection.pragma("cipher", _CIPHER) != _CIPHER:
        raise StoreError(
            "this SQLite cannot encrypt: another package has taken the place of apsw-sqlite3mc;"
            " where prismd is installed, run 'pip uninstall apsw', then"
            " 'pip install --force-reinstall apsw-sqlite3mc'"
        )
    connection.pragma("key", _raw(key))
    try:
        connection.pragma("user_version")  # on the first page; of the schema there are many
    except apsw.NotADBError as error:
        raise WrongKey(
            f"{connection.filename}: the key does not open it: it is that of another index, or the"
            " file is damaged; 'prismd key restore' takes the right key, and a damaged file is to"
            " be restored from a backup, or deleted and made anew by 'prismd index'"
        ) from error
    # Mapped pages would be those of the disk. What is decrypted is kept instead.
    connection.pragma("mmap_size", 0)
    connection.pragma("cache_size", -_CACHE_KIB)


def opens(path: Path, key: Key) -> bool:
    """Whether it is the key of a file; no file is made beside one that nobody has open."""
    # What lies in a write-ahead log has the same key, and the first page is always there.
    location = f"{path.absolute().as_uri()}?immutable=1"
    if _unlocks(location, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI, key):
        return True
    # Somebody may have been writing that page in this moment, and locks were not heeded.
    return _unlocks(str(path), apsw.SQLITE_OPEN_READONLY, key)


def _unlocks(location: str, flags: int, key: Key) -> bool:
    connection = apsw.Connection(location, flags=flags)
    try:
        unlock(connection, key)
    except WrongKey:
        return False
    finally:
        connection.close()
    return True


def uri(path: Path, key: Key | None) -> str:
    """What ``VACUUM INTO`` is to be given for a file with a key, or for one without.

    The connection has to be opened with ``SQLITE_OPEN_URI``; the text is to be bound, not written
    into a statement.
    """
    secret = f"cipher={_CIPHER}&key={_raw(key)}" if key is not None else "key="
    return f"file:{quote(bytes(path.absolute()))}?{secret}"


def _raw(key: Key) -> str:
    """The key as it is: it is random, and nothing is to be derived from it at every opening."""
    return f"raw:{key.text}"
