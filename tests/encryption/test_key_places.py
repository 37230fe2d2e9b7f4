"""Keys are kept in private files and in keyrings, and what is no good place is refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.null import Keyring as NullKeyring

from prismd.encryption.key import Key
from prismd.encryption.key_places import FileKey, KeyAway, KeyPlace, KeyringKey
from prismd.errors import ConfigError, StoreError
from tests.encryption.memory_keyring import MemoryKeyring


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
        return FileKey(tmp_path / "prism.key")
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
    place.promote(second)
    assert (place.read(), place.read_next()) == (second, None)


def test_a_next_key_that_was_lost_meanwhile_is_kept_all_the_same(place: KeyPlace) -> None:
    first, second = Key.fresh(), Key.fresh()
    place.keep(first)
    place.promote(second)
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
        FileKey(tmp_path / "key").keep(Key.fresh())
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_no_folder_is_made_for_a_key_whose_stick_is_not_plugged_in(tmp_path: Path) -> None:
    place = FileKey(tmp_path / "stick" / "deep" / "key")
    assert (place.read(), place.may_answer()) == (None, False)
    for keep in (place.keep, place.keep_next, place.promote):
        with pytest.raises(KeyAway, match=r"stick/deep: is not there.*plug in.*key_file"):
            keep(Key.fresh())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "stick" / "deep").mkdir(parents=True)
    assert place.may_answer()
    place.keep(Key.fresh())


def test_a_disk_that_keeps_no_file_to_its_owner_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def as_on_fat(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        os.fchmod(descriptor, 0o755)
        return descriptor

    place = FileKey(tmp_path / "key")
    with monkeypatch.context() as patched, pytest.raises(ConfigError, match="no file is its own"):
        patched.setattr(os, "open", as_on_fat)
        place.keep(Key.fresh())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["open", "fstat", "read"])
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EIO, KeyAway),
        (errno.ENODEV, KeyAway),
        (errno.ENOTCONN, KeyAway),
        (errno.EACCES, ConfigError),
        (errno.ELOOP, ConfigError),
    ],
)
def test_a_disk_that_fails_may_come_back_and_a_wrong_path_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], name: str
) -> None:
    def failing(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    place = FileKey(tmp_path / "key")
    place.keep(Key.fresh())
    with monkeypatch.context() as patched, pytest.raises(kind, match="cannot be read"):
        patched.setattr(os, name, failing)
        place.read()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOTCONN, errno.ESTALE, errno.EACCES])
def test_a_disk_that_fails_is_no_place_to_ask_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    place = FileKey(tmp_path / "stick" / "key")
    (tmp_path / "stick").mkdir()
    real = os.stat

    def failing(path: Path, **options: Any) -> os.stat_result:
        if Path(path) == tmp_path / "stick":
            raise OSError(number, os.strerror(number))
        return real(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", failing)
        assert place.may_answer() is False
    assert place.may_answer() is True


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    place = FileKey(tmp_path / "key")
    place.keep(Key.fresh())
    (tmp_path / "key").chmod(mode)
    with pytest.raises(ConfigError, match=r"others can read the key.*chmod 600"):
        place.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_key_that_is_another_users_is_refused(tmp_path: Path) -> None:
    place = FileKey(tmp_path / "key")
    place.keep(Key.fresh())
    os.chown(tmp_path / "key", 12345, 12345)
    with pytest.raises(ConfigError, match="is not yours"):
        place.read()


def test_a_key_is_on_the_disk_before_it_has_its_name_and_so_is_that_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[tuple[int, bool]] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        settled.append((os.fstat(descriptor).st_size, (tmp_path / "key").exists()))

    monkeypatch.setattr(os, "fsync", synced)
    FileKey(tmp_path / "key").keep(Key.fresh())
    assert settled == [(65, False), (tmp_path.stat().st_size, True)]


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
        with pytest.raises(KeyAway, match=r"Failed to unlock.*key_file"):
            ask()
    assert KeyringKey(tmp_path).may_answer() is None  # of this one nobody knows without asking


def test_a_keyring_that_keeps_nothing_is_told(tmp_path: Path, memory: MemoryKeyring) -> None:
    memory.forgets = True
    with pytest.raises(StoreError, match="did not keep the key"):
        KeyringKey(tmp_path).keep(Key.fresh())


@pytest.mark.usefixtures("memory")
def test_a_keyring_that_is_none_is_refused(tmp_path: Path) -> None:
    keyring.set_keyring(NullKeyring())  # type: ignore[no-untyped-call]
    with pytest.raises(KeyAway, match=r"no keyring that keeps it safe.*key_file"):
        KeyringKey(tmp_path).keep(Key.fresh())


def test_what_a_keyring_holds_that_is_no_key_is_told(tmp_path: Path, memory: MemoryKeyring) -> None:
    memory.set_password("prismd", os.path.realpath(tmp_path), "hunter2")
    with pytest.raises(ConfigError, match="holds no key") as error:
        KeyringKey(tmp_path).read()
    assert "hunter2" not in str(error.value)
