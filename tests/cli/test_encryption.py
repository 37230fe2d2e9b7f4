"""``encrypt``, ``decrypt`` and ``key``, and what other commands say of an encrypted index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.encryption import secrecy
from prismd.encryption.key import Key
from prismd.store import cipher
from prismd.store.database import FILE_NAME
from tests.cli.harness import COMMAND, CONFIG, Place
from tests.service.desktop import Desktop

TEXT = "The zanzibar plan is in the drawer."
pytestmark = pytest.mark.slow


@pytest.fixture
def indexed(place: Place) -> Iterator[Place]:
    """A plain index, with the settings for a key in a file."""
    configure(place)
    place.write("plan.txt", TEXT)
    place.run("index", place.folder)
    yield place
    for aside in secrecy.in_use(place.data_dir):
        shutil.rmtree(aside)


def configure(place: Place, more: str = "") -> None:
    place.config.write_text(
        f'{CONFIG}\n[storage]\nkey = "file"\nkey_file = "{key_file(place)}"\n{more}'
    )


def key_file(place: Place) -> Path:
    return place.root / "prism.key"


def state(place: Place) -> str:
    return cipher.state(place.data_dir / FILE_NAME)


def holding(place: Place) -> list[str]:
    return [
        path.name
        for path in place.data_dir.rglob("*")
        if path.is_file() and b"zanzibar" in path.read_bytes()
    ]


def restore(place: Place, text: str, exit_code: int = 0) -> str:
    done = subprocess.run(
        [*COMMAND, "key", "restore"],
        input=text,
        check=False,
        env=place.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout + done.stderr


def test_an_index_goes_there_and_back_and_is_searched_all_the_while(indexed: Place) -> None:
    assert FILE_NAME in holding(indexed)
    said = indexed.run("encrypt")
    assert "prismd key show" in said
    assert "encryption = true" in said
    assert holding(indexed) == []
    assert "plan.txt" in indexed.run("search", "zanzibar")
    assert_nothing_is_put_aside(indexed)
    assert "is encrypted already" in indexed.run("encrypt")
    assert "All is well" in indexed.run("check")
    assert state(indexed) == "encrypted"
    indexed.run("decrypt")
    assert state(indexed) == "plain"
    assert "plan.txt" in indexed.run("search", "zanzibar")
    assert "is not encrypted" in indexed.run("decrypt")
    assert "is not encrypted" in indexed.run("key", "change", exit_code=1)


def assert_nothing_is_put_aside(place: Place) -> None:
    assert secrecy.in_use(place.data_dir) == []


@pytest.mark.skipif(sys.platform != "linux", reason="folders in memory are Linux's")
def test_readers_leave_a_daemon_what_it_has_put_aside(indexed: Place) -> None:
    indexed.run("encrypt")
    with indexed.daemon() as daemon:
        daemon.await_idle()
        (aside,) = secrecy.in_use(indexed.data_dir)
        held = aside / "held"
        held.touch()
        # They find the daemon's file, not the daemon, and open the index themselves.
        (indexed.data_dir / "daemon.json").unlink()
        indexed.run_at_once([["search", "zanzibar"]] * 3)
        assert held.exists()
    assert not aside.exists()


def test_old_logs_go_when_the_index_is_encrypted(indexed: Place) -> None:
    log = indexed.root / "log" / "prismd.log"
    log.parent.mkdir()
    kept = log.with_name("prismd.logbook")
    for path in (log, log.with_name("prismd.log.1"), kept):
        path.write_text("plan.txt: x")
    configure(indexed, f'[log]\nfile = "{log}"\n')
    by_the_tray = [indexed.data_dir / "prismd.log", indexed.data_dir / "prismd.log.2"]
    copied = indexed.data_dir / "tray" / "log.txt"
    copied.parent.mkdir()
    for path in (*by_the_tray, copied):
        path.write_text("plan.txt: x")
    said = indexed.run("encrypt")
    for path in (log, *by_the_tray, copied):
        assert f"{path}: overwritten and removed" in said
        assert not path.exists()
    assert list(log.parent.iterdir()) == [kept]


def test_logs_stay_when_the_index_cannot_be_encrypted(indexed: Place) -> None:
    log = indexed.data_dir / "prismd.log"
    log.write_text("plan.txt: x")
    content = bytearray((indexed.data_dir / FILE_NAME).read_bytes())
    content[8 * 4096 :] = bytes(len(content) - 8 * 4096)
    (indexed.data_dir / FILE_NAME).write_bytes(content)
    indexed.run("encrypt", exit_code=1)
    assert log.exists()


_GONE = "for path in place.paths:\n        path.unlink(missing_ok=True)"


def change_the_key_of_a_stick(place: Place, before: str) -> str:
    """Change the key while its place takes nothing any more; returns what is said of it.

    Args:
        place: With an encrypted index.
        before: What befalls the place first, in Python.
    """
    losing = (
        "from prismd.encryption import key_places\n"
        "from prismd.cli import main\n"
        "def lost(place, key):\n"
        f"    {before}\n"
        "    raise key_places.KeyAway('the stick: is not there')\n"
        "key_places.FileKey.promote = lost\n"
        "main(['key', 'change'])\n"
    )
    done = place.run_python(losing)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_a_key_that_could_not_be_kept_is_told_before_it_is_lost(indexed: Place) -> None:
    indexed.run("encrypt")
    said = change_the_key_of_a_stick(indexed, _GONE)
    assert "has a new key, which could not be kept (the stick: is not there)" in said
    key = said.partition("It is ")[2][:64]
    restore(indexed, key)
    assert "plan.txt" in indexed.run("search", "zanzibar")


def test_a_key_that_is_there_as_the_next_one_is_not_printed(indexed: Place) -> None:
    indexed.run("encrypt")
    said = change_the_key_of_a_stick(indexed, "pass")
    assert "holds as the next one only (the stick: is not there)" in said
    assert "It is " not in said
    assert "All is well" in indexed.run("check")
    assert not key_file(indexed).with_name("prism.key.next").exists()
    assert indexed.run("key", "show").strip() not in said


def test_a_running_daemon_keeps_its_index(indexed: Place) -> None:
    with indexed.daemon():
        for command in (["encrypt"], ["decrypt"], ["key", "change"]):
            said = indexed.run(*command, exit_code=1)
            assert "another prismd is using it" in said
            assert "'prismd service stop'" in said
    assert state(indexed) == "plain"


@pytest.mark.skipif(sys.platform != "linux", reason="sockets that start it are systemd's")
def test_a_service_that_waits_is_to_be_stopped_first(tmp_path: Path) -> None:
    desktop = Desktop(tmp_path)
    configure(desktop)
    desktop.write("plan.txt", TEXT)
    desktop.run("index", desktop.folder)
    desktop.install("--socket")
    waiting = desktop.state / "show-prismd.socket"
    waiting.write_text("ActiveState=active\nUnitFileState=enabled\n")
    said = desktop.run("encrypt", exit_code=1)
    assert "which would start it in the middle; first 'prismd service stop'" in said
    assert state(desktop) == "plain"
    assert not key_file(desktop).exists()
    # That of another index is none of its business.
    desktop.run("--data-dir", desktop.root / "other", "service", "install", "--socket")
    desktop.run("encrypt")
    assert state(desktop) == "encrypted"


def test_without_an_index_it_is_said_what_to_do(place: Place) -> None:
    configure(place)
    assert "'prismd run FOLDER' makes it" in place.run("encrypt", exit_code=1)
    assert not key_file(place).exists()


def test_every_command_tells_of_a_wrong_and_a_missing_key(indexed: Place) -> None:
    indexed.run("encrypt")
    right = key_file(indexed).read_text()
    key_file(indexed).unlink()
    commands: list[list[object]] = [
        ["run"],
        ["index"],
        ["search", "x"],
        ["check"],
        ["backup", indexed.root / "copy"],
        ["decrypt"],
        ["key", "change"],
    ]
    for command in commands:
        said = indexed.run(*command, exit_code=1)
        assert f"its key is not in {key_file(indexed)}" in said
    assert "prismd key restore" in indexed.run("doctor", exit_code=1)
    assert "there is no key" in indexed.run("key", "show", exit_code=1)
    wrong = Key.fresh().text
    assert "does not open it" in restore(indexed, wrong, exit_code=1)
    assert "64 hexadecimal digits" in restore(indexed, "password", exit_code=2)
    assert not key_file(indexed).exists()
    key_file(indexed).touch(0o600)
    key_file(indexed).write_text(wrong)
    for command in commands:
        said = indexed.run(*command, exit_code=1)
        assert f"the key from {key_file(indexed)} does not open it" in said
        assert "damaged" in said
        assert wrong not in said
    assert "prismd key restore" in indexed.run("doctor", exit_code=1)
    restore(indexed, right)
    assert "plan.txt" in indexed.run("search", "zanzibar")


def test_a_changed_key_opens_the_index_and_the_old_one_its_backup(indexed: Place) -> None:
    indexed.run("encrypt")
    old = indexed.run("key", "show").strip()
    copy = indexed.root / "copy.db"
    assert "encrypted with the key of the index" in indexed.run("backup", copy)
    indexed.run("key", "change")
    assert indexed.run("key", "show").strip() != old
    assert "plan.txt" in indexed.run("search", "zanzibar")
    assert cipher.opens(copy, Key.parse(old))
    shutil.copy(copy, indexed.data_dir / FILE_NAME)
    assert "does not open it" in indexed.run("search", "zanzibar", exit_code=1)
    restore(indexed, old)
    assert "plan.txt" in indexed.run("search", "zanzibar")


def test_of_a_change_that_was_cut_short_the_key_is_shown_that_opens_the_index(
    indexed: Place,
) -> None:
    indexed.run("encrypt")
    old = indexed.run("key", "show")
    indexed.run("key", "change")
    new = indexed.run("key", "show")
    key_file(indexed).rename(key_file(indexed).with_name("prism.key.next"))
    key_file(indexed).touch(0o600)
    key_file(indexed).write_text(old)
    assert indexed.run("key", "show") == new
    key_file(indexed).unlink()
    assert indexed.run("key", "show") == new


def test_a_plain_index_is_not_run_where_an_encrypted_one_is_wanted(indexed: Place) -> None:
    env = {"PRISMD_STORAGE_ENCRYPTION": "true"}
    assert "run 'prismd encrypt'" in indexed.run("run", exit_code=2, env=env)
    indexed.run("encrypt", env=env)
    assert "Set [storage] encryption = false" in indexed.run("decrypt", env=env)


def test_without_a_keyring_it_is_said_what_to_do(place: Place) -> None:
    place.write("plan.txt", TEXT)
    place.run("index", place.folder)
    nobody = {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    nobody |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    said = place.run("encrypt", exit_code=1, env=nobody)
    assert 'key = "file" and key_file' in said
    assert state(place) == "plain"
