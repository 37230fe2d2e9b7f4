"""The index is opened by what it is, with the key from where the settings say."""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prismd.config.options import Config, Folder, Storage
from prismd.daemon import parameters
from prismd.daemon.unlocking import is_encrypted, key_place, open_database
from prismd.encryption.key import Key
from prismd.encryption.key_places import FileKey
from prismd.errors import ConfigError, StoreError, StoreLocked
from prismd.store import cipher, conversion
from prismd.store.cipher import WrongKey
from prismd.store.database import FILE_NAME, Database
from prismd.store.files import Root


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "prism.key"


@pytest.fixture
def config(data_dir: Path, key_file: Path) -> Config:
    return settings(data_dir, key_file)


def settings(data_dir: Path, key_file: Path | None, *, encryption: bool = True) -> Config:
    storage = Storage(encryption=encryption, key="file", key_file=key_file)
    return Config(data_dir=data_dir, storage=storage)


def test_a_new_index_is_encrypted_with_a_new_key_and_opened_with_it(
    config: Config, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for writable in (True, True, False):
        database = open_database(config, writable=writable)
        assert database.encrypted
        database.close()
    assert cipher.state(config.data_dir / FILE_NAME) == "encrypted"
    key = FileKey(key_file).read()
    assert key is not None
    told = [record.message for record in caplog.records]
    assert len(told) == 1
    assert "prismd key show" in told[0]
    assert key.text not in caplog.text


def test_without_the_setting_nothing_is_encrypted_and_no_key_is_asked_for(data_dir: Path) -> None:
    config = settings(data_dir, None, encryption=False)
    database = open_database(config, writable=True)
    assert not database.encrypted
    database.close()
    assert cipher.state(data_dir / FILE_NAME) == "plain"
    assert not is_encrypted(config)


def test_a_plain_index_is_not_taken_where_an_encrypted_one_is_wanted(config: Config) -> None:
    Database(config.data_dir).close()
    for writable in (True, False):
        with pytest.raises(ConfigError, match=r"is not encrypted.*prismd encrypt"):
            open_database(config, writable=writable)


def test_an_encrypted_index_is_opened_whatever_the_setting_says(
    config: Config, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_database(config, writable=True).close()
    off = settings(config.data_dir, key_file, encryption=False)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        database = open_database(off, writable=True)
    assert database.encrypted
    assert is_encrypted(off)
    database.close()
    assert "[storage] encryption is not set" in caplog.text


def test_a_missing_key_is_told_with_where_it_should_be(config: Config, key_file: Path) -> None:
    open_database(config, writable=True).close()
    key_file.unlink()
    for writable in (True, False):
        with pytest.raises(StoreError, match=rf"not in {key_file}.*prismd key restore"):
            open_database(config, writable=writable)
    assert not key_file.exists()  # none is made for an index that has one already
    open_database_again = settings(config.data_dir, key_file, encryption=False)
    with pytest.raises(StoreError, match=r"prismd key restore"):
        open_database(open_database_again, writable=True)


def test_a_wrong_key_is_told_with_where_it_is_from(config: Config, key_file: Path) -> None:
    open_database(config, writable=True).close()
    FileKey(key_file).keep(Key.fresh())
    with pytest.raises(WrongKey, match=rf"the key from {key_file}.*damaged.*prismd key restore"):
        open_database(config, writable=True)


def test_a_change_of_the_key_that_was_cut_short_is_ended(config: Config, key_file: Path) -> None:
    open_database(config, writable=True).close()
    place, path = FileKey(key_file), config.data_dir / FILE_NAME
    old, new = place.read(), Key.fresh()
    assert old is not None
    place.keep_next(new)
    open_database(config, writable=True).close()  # cut short before the file was changed
    assert (place.read(), place.read_next()) == (old, new)
    conversion.convert(path, old, new)
    open_database(config, writable=True).close()  # and after
    assert (place.read(), place.read_next()) == (new, None)


def test_of_two_first_starts_one_makes_the_key(config: Config, key_file: Path) -> None:
    start = threading.Barrier(2)
    opened: list[Database] = []

    def begin(_: int) -> None:
        start.wait()
        with contextlib.suppress(StoreLocked):
            opened.append(open_database(config, writable=True))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(begin, range(2)))
    assert len(opened) == 1
    opened[0].close()
    open_database(config, writable=True).close()


def test_a_file_for_the_key_has_to_be_named(data_dir: Path) -> None:
    with pytest.raises(ConfigError, match=r"key_file.* needed"):
        open_database(settings(data_dir, None), writable=True)


@pytest.mark.parametrize("where", ["data", "docs/deep", "link"])
def test_a_key_with_what_it_keeps_secret_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "docs")
    config = Config(
        data_dir=tmp_path / "data",
        folders=(Folder(path=tmp_path / "docs"),),
        storage=Storage(encryption=True, key="file", key_file=tmp_path / where / "key"),
    )
    with pytest.raises(ConfigError, match=r"key_file.*lies in.*elsewhere"):
        key_place(config)


def test_the_key_file_is_never_read_into_the_index(config: Config, key_file: Path) -> None:
    root = Root(1, str(key_file.parent), "command", "watching")
    assert {str(path) for path in FileKey(key_file).paths} <= {
        *parameters.rules(config, root).never
    }


def test_an_index_cut_short_before_its_first_byte_is_a_new_one(config: Config) -> None:
    config.data_dir.mkdir(mode=0o700)
    (config.data_dir / FILE_NAME).touch(0o600)
    open_database(config, writable=True).close()
    assert cipher.state(config.data_dir / FILE_NAME) == "encrypted"
