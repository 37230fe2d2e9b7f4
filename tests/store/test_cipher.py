"""An encrypted file: told from a plain one, opened by its key alone, and refused once changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw
import pytest

from prismd.encryption.key import Key
from prismd.errors import StoreError
from prismd.store import cipher, files
from prismd.store.check import backup, check
from prismd.store.cipher import WrongKey
from prismd.store.database import FILE_NAME, Database
from prismd.store.faults import is_damage

KEY = Key(bytes(range(32)))
MARKER = "zanzibarmarker"
_PAGE_BYTES = 4096


def opened(data_dir: Path, key: Key | None = KEY, *, writable: bool = True) -> Database:
    return Database(data_dir, writable=writable, key=None if key is None else lambda: key)


def root(number: int) -> str:
    return f"/{MARKER}/{number}" + "x" * 400


@pytest.fixture
def made(data_dir: Path) -> Path:
    """An encrypted index with a few hundred rows in it."""
    database = opened(data_dir)
    database.write(lambda c: [files.add_root(c, root(n), "command") for n in range(300)])
    database.close()
    return data_dir / FILE_NAME


def count(database: Database) -> int:
    return database.read(lambda c: int(c.execute("SELECT count(*) FROM roots").get))


def test_nothing_of_it_is_on_the_disk_from_the_first_byte(data_dir: Path) -> None:
    database = opened(data_dir)
    database.write(lambda c: files.add_root(c, root(1), "command"))
    log = data_dir / f"{FILE_NAME}-wal"
    assert log.stat().st_size > 0
    for path in data_dir.iterdir():
        content = path.read_bytes()
        assert MARKER.encode() not in content
        assert b"CREATE TABLE" not in content
    assert database.encrypted
    assert int(database.read(lambda c: c.pragma("mmap_size"))) == 0
    database.close()
    assert cipher.state(data_dir / FILE_NAME) == "encrypted"


def test_it_is_opened_by_its_key_alone(made: Path) -> None:
    for writable in (True, False):
        database = opened(made.parent, writable=writable)
        assert count(database) == 300
        database.close()
        with pytest.raises(WrongKey, match=r"another index, or the file is damaged") as error:
            opened(made.parent, Key.fresh(), writable=writable)
        assert not is_damage(error.value)
        with pytest.raises(StoreError, match="is encrypted, and opened without its key"):
            opened(made.parent, None, writable=writable)
    assert cipher.opens(made, KEY)
    assert not cipher.opens(made, Key.fresh())


def test_another_sqlite_takes_it_for_no_database(made: Path) -> None:
    connection = sqlite3.connect(made)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        connection.execute("SELECT * FROM sqlite_master")
    connection.close()


class WithoutCiphers(apsw.Connection):
    """As that of any other SQLite, which answers nothing to settings that it does not know."""

    def pragma(self, name: str, *value: object, **options: object) -> None:
        assert name == "cipher", "a key was given to who cannot encrypt"


def test_a_sqlite_that_cannot_encrypt_is_given_no_key() -> None:
    connection = WithoutCiphers(":memory:")
    with closing(connection), pytest.raises(StoreError, match="this SQLite cannot encrypt"):
        cipher.unlock(connection, KEY)


def test_a_key_for_a_plain_file_is_refused(data_dir: Path) -> None:
    Database(data_dir).close()
    with pytest.raises(WrongKey):
        opened(data_dir)
    Database(data_dir).close()  # and it is as it was


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (None, "absent"),
        (b"", "absent"),
        (b"SQLite format 3\x00" + bytes(100), "plain"),
        (b"SQLite format 3", "unknown"),
        (b"%PDF-1.7" * 100, "unknown"),
        (b"x", "unknown"),
    ],
)
def test_what_a_file_is_is_told_by_its_beginning(
    tmp_path: Path, content: bytes | None, state: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    assert cipher.state(path) == state


def flip(content: bytearray, at: int) -> None:
    content[at] ^= 1


def swap(content: bytearray, page: int) -> None:
    a, b = (slice(n * _PAGE_BYTES, (n + 1) * _PAGE_BYTES) for n in (page, page + 1))
    content[a], content[b] = content[b], content[a]


def cut(content: bytearray, share: float) -> None:
    del content[int(len(content) * share) :]


@pytest.mark.parametrize(
    "attack",
    [
        *(partial(flip, at=at) for at in (0, 15, 17, 23, 40, _PAGE_BYTES - 1)),
        *(partial(flip, at=page * _PAGE_BYTES + 77) for page in range(1, 60, 7)),
        *(partial(swap, page=page) for page in (1, 20, 40)),
        *(partial(cut, share=share) for share in (0.001, 0.3, 0.99)),
    ],
    ids=lambda attack: f"{attack.func.__name__} {attack.keywords}",
)
def test_whatever_is_changed_is_noticed(made: Path, attack: Callable[[bytearray], None]) -> None:
    content = bytearray(made.read_bytes())
    attack(content)
    made.write_bytes(content)

    def look() -> bool:
        database = opened(made.parent, writable=False)
        try:
            return check(database, repair=False) == []
        finally:
            database.close()

    try:
        assert not look()
    except StoreError as error:
        assert "damaged" in str(error)


def test_an_older_page_of_the_same_file_is_not_noticed(made: Path) -> None:
    """What no page by page encryption can tell; see the module."""
    older = made.read_bytes()
    database = opened(made.parent)
    database.write(lambda c: c.execute("UPDATE roots SET path = replace(path, 'marker', 'MARKED')"))
    database.close()
    newer = bytearray(made.read_bytes())
    changed = [
        page
        for page in range(1, len(older) // _PAGE_BYTES)
        if (at := page * _PAGE_BYTES)
        and older[at : at + _PAGE_BYTES] != newer[at : at + _PAGE_BYTES]
    ]
    at = changed[-1] * _PAGE_BYTES
    newer[at : at + _PAGE_BYTES] = older[at : at + _PAGE_BYTES]
    made.write_bytes(newer)
    database = opened(made.parent, writable=False)
    assert count(database) == 300
    database.close()


def test_a_page_is_never_encrypted_twice_in_the_same_way(made: Path, tmp_path: Path) -> None:
    """A nonce that came again would give away what is under it."""
    database = opened(made.parent, writable=False)
    copies = [tmp_path / "one.db", tmp_path / "two.db"]
    for copy in copies:
        backup(database, copy)
    database.close()
    one, two = (copy.read_bytes() for copy in copies)
    assert len(one) == len(two)
    for at in range(0, len(one), _PAGE_BYTES):
        assert one[at + 24 : at + 64] != two[at + 24 : at + 64]


def test_a_backup_has_the_same_key(made: Path, tmp_path: Path) -> None:
    database = opened(made.parent, writable=False)
    backup(database, tmp_path / "copy.db")
    database.close()
    assert MARKER.encode() not in (tmp_path / "copy.db").read_bytes()
    folder = tmp_path / "restored"
    folder.mkdir()
    shutil.copy(tmp_path / "copy.db", folder / FILE_NAME)
    restored = opened(folder)
    assert count(restored) == 300
    assert check(restored, repair=False) == []
    restored.close()


def test_the_key_is_in_no_message_of_sqlite(made: Path) -> None:
    connection = apsw.Connection(str(made))
    with pytest.raises(WrongKey) as error:
        cipher.unlock(connection, Key.fresh())
    connection.close()
    wrong = error.value
    for shown in (str(wrong), repr(wrong.__cause__), repr(wrong.__context__)):
        assert "raw:" not in shown
