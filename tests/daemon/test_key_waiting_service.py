"""A service waits for the key of its index, and whoever asks is told so."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prismd.config.options import Config, Storage
from prismd.daemon.unlocking import open_database
from prismd.encryption.key import Key
from prismd.running import find_waiting
from tests.building import wait_until
from tests.cli.harness import CONFIG, Daemon, Place
from tests.service.manager import Told, hearing, watchdog

TEXT = "The zanzibar plan is in the drawer."
WATCHDOG_S = 600.0


@contextmanager
def waiting(place: Place, told: Told, env: dict[str, str] | None = None) -> Iterator[Daemon]:
    """A service, once it says that it waits."""
    more = {"NOTIFY_SOCKET": told.address, **watchdog(WATCHDOG_S), **(env or {})}
    daemon = place.start_daemon("--patient", place.folder, env=more)
    try:
        told.await_value("READY")
        yield daemon
    finally:
        daemon.end()


def encrypt_by_file(place: Place, key_file: Path) -> None:
    """An encrypted index with nothing in it, and settings that say where its key is."""
    settings = f'[storage]\nencryption = true\nkey = "file"\nkey_file = "{key_file}"\n'
    place.config.write_text(f"{CONFIG}\n{settings}")
    storage = Storage(encryption=True, key="file", key_file=key_file)
    open_database(Config(data_dir=place.data_dir, storage=storage), writable=True).close()


def test_it_waits_for_a_key_file_until_it_is_there(place: Place, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    encrypt_by_file(place, stick / "key")
    place.write("zanzibar.txt", TEXT)
    unplugged = stick.rename(tmp_path / "unplugged")
    assert f"its key is not in {stick}/key" in place.run("run", exit_code=1)  # who is there acts
    with hearing(str(tmp_path / "notify")) as told:
        with waiting(place, told) as daemon:
            assert told.values("STATUS")[-1] == (
                "waiting for the key of the index, from the key file; 'prismd status' says why"
            )
            why = f"(process {daemon.process.pid}, which goes on by itself once it is there): "
            for command in ("status", "pause"):  # without a daemon the one would do
                said = place.run(command, exit_code=1)
                assert f"waiting for the key of the index {why}" in said
                assert f"its key is not in {stick}/key" in said
            assert "another prismd is using it" in place.run("run", "--patient", exit_code=1)
            told.await_value("WATCHDOG", count=3)
            unplugged.rename(stick)
            daemon.await_health()
            daemon.await_idle()
            assert daemon.finds("zanzibar") == ["zanzibar.txt"]
            assert find_waiting(place.data_dir) is None
            assert daemon.stop() == 0
        told.await_end()
        keys = told.first_keys()
        assert [keys.count("READY"), keys[-1]] == [2, "STOPPING"]
    assert "zanzibar" not in place.log.read_text()
    assert str(stick) not in place.log.read_text()
    assert not (place.data_dir / "waiting.json").exists()


def test_who_waits_can_be_ended_and_does_not_wait_with_a_wrong_key(
    place: Place, tmp_path: Path
) -> None:
    key = tmp_path / "prism.key"
    encrypt_by_file(place, key)
    key.unlink()
    with hearing(str(tmp_path / "notify")) as told:
        with waiting(place, told) as daemon:
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(120) == 0
        told.await_end()
        assert told.first_keys()[-1] == "STOPPING"
    assert find_waiting(place.data_dir) is None
    with hearing(str(tmp_path / "again")) as told, waiting(place, told) as daemon:
        made = tmp_path / "made"
        made.touch(0o600)
        made.write_text(Key.fresh().text)
        made.rename(key)
        assert daemon.process.wait(120) == 1
    assert f"the key from {key} does not open it" in place.log.read_text()
    key.chmod(0o644)
    said = place.run("run", "--patient", exit_code=2)
    assert "others can read the key" in said


@pytest.mark.skipif(sys.platform != "linux", reason="GNOME's keyring is Linux's")
def test_it_waits_for_a_locked_keyring_which_asks_once(place: Place, tmp_path: Path) -> None:
    from tests.service.session import session  # by packages that there are for Linux alone

    own = tmp_path / "session"
    own.mkdir(mode=0o700)
    with session(own) as desktop:
        place.config.write_text(f"{CONFIG}\n[storage]\nencryption = true\n")
        place.write("zanzibar.txt", TEXT)
        place.run("index", place.folder, env=desktop.environment)
        desktop.lock()
        said = place.run("run", exit_code=1, env=desktop.environment)
        assert "the keyring does not give it (Failed to unlock the collection!)" in said
        before = desktop.times_asked()
        with (
            hearing(str(tmp_path / "notify")) as told,
            waiting(place, told, desktop.environment) as daemon,
        ):
            told.await_value("STATUS", "waiting for the key of the index, from the keyring")
            wait_until(lambda: find_waiting(place.data_dir) is not None)
            told.await_value("WATCHDOG", count=3)  # each after another look
            assert desktop.times_asked() == before + 1
            desktop.unlock()
            daemon.await_health()
            daemon.await_idle()
            assert daemon.finds("zanzibar") == ["zanzibar.txt"]
            assert daemon.stop() == 0
        place.run("key", "change", env=desktop.environment)
        assert "zanzibar.txt" in place.run("search", "drawer", env=desktop.environment)
        assert desktop.times_asked() == before + 1
