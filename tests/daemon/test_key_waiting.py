"""What is waited for, how a keyring is spared, and that the end is never waited for."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keyring
import pytest

from prismd.config.options import Config, Storage
from prismd.daemon import key_waiting
from prismd.daemon.key_waiting import await_key
from prismd.daemon.supervisor import Supervisor
from prismd.daemon.unlocking import open_database
from prismd.encryption.discretion import Discreet
from prismd.errors import ConfigError, StoreLocked
from prismd.running import find_waiting
from prismd.store.database import Database, take_lock
from tests.building import wait_until
from tests.encryption.memory_keyring import MemoryKeyring


class AskedKeyring(MemoryKeyring):
    """Counts how often it is asked; answers only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.let = threading.Event()
        self.let.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.times += 1
        self.let.wait()
        return super().get_password(service, username)


@pytest.fixture
def asked() -> Iterator[AskedKeyring]:
    before = keyring.get_keyring()
    made = AskedKeyring()
    keyring.set_keyring(made)
    yield made
    made.let.set()
    keyring.set_keyring(before)


@pytest.fixture
def config(data_dir: Path) -> Config:
    """For an encrypted index, with its key in the keyring."""
    return Config(data_dir=data_dir, storage=Storage(encryption=True))


Begin = Callable[[Config, threading.Event], threading.Thread]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Waits for a key in a thread, until an event is set or the test is over."""
    begun: list[tuple[threading.Thread, threading.Event]] = []

    def begin(config: Config, ending: threading.Event) -> threading.Thread:
        wait = partial(await_key, config, Supervisor(), ending.is_set, patient=True)
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        begun.append((thread, ending))
        return thread

    yield begin
    for thread, ending in begun:
        ending.set()
        thread.join()


def test_what_needs_no_key_is_not_waited_for(data_dir: Path) -> None:
    await_key(Config(data_dir=data_dir), Supervisor(), lambda: False, patient=True)
    Database(data_dir).close()
    # A plain index where an encrypted one is wanted: whoever opens it says so.
    config = Config(data_dir=data_dir, storage=Storage(encryption=True, key="file"))
    await_key(config, Supervisor(), lambda: False, patient=True)


def test_a_setting_that_is_wrong_and_an_index_in_use_are_told_at_once(
    config: Config, asked: AskedKeyring
) -> None:
    open_database(config, writable=True).close()
    lock = take_lock(config.data_dir)
    with pytest.raises(StoreLocked):
        await_key(config, Supervisor(), lambda: False, patient=True)
    os.close(lock)
    nameless = Config(data_dir=config.data_dir, storage=Storage(encryption=True, key="file"))
    with pytest.raises(ConfigError, match=r"key_file.* needed"):
        await_key(nameless, Supervisor(), lambda: False, patient=True)
    assert find_waiting(config.data_dir) is None


class Clock:
    """A time that passes while somebody sleeps, and no other."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        time.sleep(0)


def test_a_keyring_that_cannot_be_looked_at_is_asked_less_and_less_often(
    config: Config, asked: AskedKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database(config, writable=True).close()
    clock, asked_s = Clock(), list[float]()
    monkeypatch.setattr(key_waiting, "time", clock)
    asked.locked, asked.times = True, 0

    def is_ending() -> bool:
        if asked.times > len(asked_s):
            asked_s.append(clock.now_s)
        return len(asked_s) == 7

    await_key(config, Supervisor(), is_ending, patient=True)
    waited_s = [after - before for before, after in itertools.pairwise(asked_s)]
    for seconds, least_s in zip(waited_s, [60, 120, 240, 480, 900, 900], strict=True):
        assert seconds >= least_s


def test_a_keyring_that_cannot_be_looked_at_is_asked_again_until_it_answers(
    config: Config, asked: AskedKeyring, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database(config, writable=True).close()
    monkeypatch.setattr(key_waiting, "_LOOK_S", 0.0)
    asked.locked, asked.times = True, 0
    ending = threading.Event()
    thread = begin(config, ending)
    wait_until(lambda: find_waiting(config.data_dir) is not None)
    assert asked.times == 1
    ending.set()
    thread.join()
    assert find_waiting(config.data_dir) is None

    monkeypatch.setattr(key_waiting, "_ASK_AGAIN_S", (0.0, 0.0))
    thread = begin(config, threading.Event())
    wait_until(lambda: asked.times >= 3)
    asked.locked = False
    wait_until(lambda: not thread.is_alive())
    open_database(config, writable=True).close()  # the lock is free again


def test_the_end_is_not_kept_waiting_by_a_question_that_nobody_answers(
    config: Config, asked: AskedKeyring, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database(config, writable=True).close()
    monkeypatch.setattr(key_waiting, "_PATIENCE_S", 0.0)
    asked.let.clear()
    ending = threading.Event()
    thread = begin(config, ending)
    wait_until(lambda: find_waiting(config.data_dir) is not None)
    found = find_waiting(config.data_dir)
    assert found is not None
    assert "does not answer yet; a keyring may be asking for its password" in found.why
    ending.set()
    thread.join()


def test_nothing_is_said_of_where_the_key_is_in_the_log_of_an_encrypted_index(
    data_dir: Path, tmp_path: Path, begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    storage = Storage(encryption=True, key="file", key_file=tmp_path / "zanzibar" / "key")
    data_dir.mkdir(mode=0o700)
    with caplog.at_level(logging.INFO):
        thread = begin(Config(data_dir=data_dir, storage=storage), threading.Event())
        wait_until(lambda: find_waiting(data_dir) is not None)
        (tmp_path / "zanzibar").mkdir()
        # A new index gets its key as soon as there is a place for it.
        wait_until(lambda: not thread.is_alive())
    said = [Discreet().format(record) for record in caplog.records]
    assert said[0] == "waiting for the key of the index: 'prismd status' says why"
    assert said[-1] == "the key of the index is there, in the key file"
    assert all("zanzibar" not in line for line in said)
    assert (tmp_path / "zanzibar" / "key").exists()
