"""Keys are kept in private files and in keyrings, and what is no good place is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.null import Keyring as NullKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from prismd.errors import ConfigError, StoreError
from prismd.key import Key
from prismd.key_places import FileKey, KeyPlace, KeyringKey


class MemoryKeyring(KeyringBackend):
    """Keeps what it is given, as long as it is not locked."""

    priority = 5.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False
        self.forgets = False

    def _asked(self) -> None:
        if self.locked:
            raise KeyringLocked("Failed to unlock the collection!")

    def get_password(self, service: str, username: str) -> str | None:
        self._asked()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._asked()
        if not self.forgets:
            self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def memory() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture(params=["file", "keyring"])
def place(request: pytest.FixtureRequest, tmp_path: Path, memory: MemoryKeyring) -> KeyPlace:
    if request.param == "file":
        return FileKey(tmp_path / "stick" / "prism.key")
    return KeyringKey(tmp_path / "data")


def test_a_key_is_kept_and_replaced(place: KeyPlace) -> None:
    assert place.read() is None
    for key in (Key.fresh(), Key.fresh()):
        place.keep(key)
        assert place.read() == key


def test_the_next_key_takes_the_place_when_it_is_told_to(place: KeyPlace) -> None:
    first, second = Key.fresh(), Key.fresh()
    place.keep(first)
    place.keep_next(second)
    assert (place.read(), place.read_next()) == (first, second)
    place.promote()
    assert (place.read(), place.read_next()) == (second, None)


def test_each_index_has_a_key_of_its_own_in_the_keyring(
    tmp_path: Path, memory: MemoryKeyring
) -> None:
    one, other = KeyringKey(tmp_path / "one"), KeyringKey(tmp_path / "other")
    one.keep(Key.fresh())
    assert other.read() is None
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert KeyringKey(tmp_path / "link").read() == one.read()


def test_a_key_file_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FileKey(tmp_path / "new" / "key").keep(Key.fresh())
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    place = FileKey(tmp_path / "key")
    place.keep(Key.fresh())
    (tmp_path / "key").chmod(mode)
    with pytest.raises(ConfigError, match=r"others can read the key.*chmod 600"):
        place.read()


@pytest.mark.parametrize("content", [b"", b"password", b"\xff" * 64, b"0" * 5_000_000])
def test_a_file_without_a_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError, match=r"holds no key.*prismd key restore"):
        FileKey(tmp_path / "key").read()


def test_what_is_no_file_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(ConfigError, match="is no file"):
        FileKey(tmp_path / "key").read()
    (tmp_path / "key").unlink()
    (tmp_path / "key").mkdir(0o700)
    with pytest.raises(ConfigError, match=r"is no file|cannot be read"):
        FileKey(tmp_path / "key").read()


def test_a_place_for_the_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be written.*key_file"):
        FileKey(tmp_path / "file" / "key").keep(Key.fresh())


def test_a_locked_keyring_is_told_with_what_helps(tmp_path: Path, memory: MemoryKeyring) -> None:
    memory.locked = True
    for ask in (KeyringKey(tmp_path).read, lambda: KeyringKey(tmp_path).keep(Key.fresh())):
        with pytest.raises(StoreError, match=r"Failed to unlock.*key_file"):
            ask()


def test_a_keyring_that_keeps_nothing_is_told(tmp_path: Path, memory: MemoryKeyring) -> None:
    memory.forgets = True
    with pytest.raises(StoreError, match="did not keep the key"):
        KeyringKey(tmp_path).keep(Key.fresh())


@pytest.mark.usefixtures("memory")
def test_a_keyring_that_is_none_is_refused(tmp_path: Path) -> None:
    keyring.set_keyring(NullKeyring())  # type: ignore[no-untyped-call]
    with pytest.raises(StoreError, match=r"no keyring that keeps it safe.*key_file"):
        KeyringKey(tmp_path).keep(Key.fresh())


def test_what_a_keyring_holds_that_is_no_key_is_told(tmp_path: Path, memory: MemoryKeyring) -> None:
    memory.set_password("prismd", os.path.realpath(tmp_path), "hunter2")
    with pytest.raises(ConfigError, match="holds no key") as error:
        KeyringKey(tmp_path).read()
    assert "hunter2" not in str(error.value)
