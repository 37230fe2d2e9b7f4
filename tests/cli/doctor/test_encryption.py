"""What doctor says of an encrypted index, and of its key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from prismd.cli.doctor.encryption import Seen, judge, see
from prismd.cli.doctor.rounds import Check, made
from prismd.config.options import Config, Storage
from prismd.daemon.unlocking import open_database
from prismd.encryption import secrecy
from prismd.errors import ConfigError, StoreError
from tests.cli.harness import CONFIG, Place


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """For an index that is still to be made."""
    storage = Storage(encryption=True, key="file", key_file=tmp_path / "prism.key")
    return Config(data_dir=tmp_path / "data", storage=storage)


def wanting(config: Config, *, encryption: bool) -> Config:
    storage = Storage(encryption=encryption, key="file", key_file=config.storage.key_file)
    return Config(data_dir=config.data_dir, storage=storage)


def make(config: Config) -> None:
    open_database(config, writable=True).close()


def told(config: Config) -> tuple[str, str]:
    (found,) = judge(see(config))
    return found.level, f"{found.detail} -> {found.remedy}"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_without_encryption_that_is_said(config: Config) -> None:
    plain = wanting(config, encryption=False)
    assert told(plain)[0] == "ok"
    make(plain)
    level, said = told(plain)
    assert (level, said[:4]) == ("ok", "off;")
    assert see(plain).opens


def test_a_new_index_will_have_a_key_and_none_is_made_by_looking(config: Config) -> None:
    level, said = told(config)
    assert level == "ok"
    assert "on; the first start makes a key, in " in said
    assert not config.data_dir.exists()
    assert config.storage.key_file is not None
    assert not config.storage.key_file.exists()


def test_an_encrypted_index_is_opened_and_nothing_is_made_beside_it(config: Config) -> None:
    make(config)
    before = names(config.data_dir)
    level, said = told(config)
    assert level == "ok"
    assert said.startswith(f"on; the key opens the index, and is in {config.storage.key_file}")
    assert names(config.data_dir) == before
    with closing(open_database(config, writable=True)):  # with a write-ahead log, too
        assert told(config)[0] == "ok"


def test_settings_and_file_that_differ_are_told(config: Config) -> None:
    make(wanting(config, encryption=False))
    level, said = told(config)
    assert level == "problem"
    assert "run 'prismd encrypt'" in said
    assert not see(config).opens


def test_an_encrypted_index_whose_settings_say_nothing_is_a_note(config: Config) -> None:
    make(config)
    level, said = told(wanting(config, encryption=False))
    assert level == "note"
    assert said.endswith("-> set encryption = true under [storage]")


@pytest.mark.parametrize("fault", ["gone", "another", "open to others", "none", "in a folder"])
def test_a_key_that_cannot_be_had_is_told(config: Config, fault: str) -> None:
    make(config)
    path = config.storage.key_file
    assert path is not None
    if fault == "gone":
        path.unlink()
    elif fault == "another":
        path.write_text("ab" * 32)
    elif fault == "open to others":
        path.chmod(0o644)
    elif fault == "none":
        path.write_text("not a key")
    else:
        storage = Storage(encryption=True, key="file", key_file=config.data_dir / "key")
        config = Config(data_dir=config.data_dir, storage=storage)
    before = names(config.data_dir)
    level, said = told(config)
    assert level == "problem"
    assert {
        "gone": "prismd key restore",
        "another": "prismd key restore",
        "open to others": "'chmod 600' it",
        "none": "prismd key restore",
        "in a folder": "name a file elsewhere",
    }[fault] in said
    assert "ab" * 32 not in said
    assert not see(config).opens
    assert names(config.data_dir) == before


def test_what_a_keyring_says_is_split_into_cause_and_remedy() -> None:
    (found,) = judge(Seen("encrypted", wanted=True, fault=StoreError("locked (x); log in")))
    assert (found.level, found.detail, found.remedy) == ("problem", "locked (x)", "log in")
    (found,) = judge(Seen("absent", wanted=True, fault=ConfigError("no key_file")))
    assert found.detail == "no key_file"


class Prompting(KeyringBackend):
    """A keyring that waits for its password."""

    priority = 5.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.over = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


def test_a_keyring_that_waits_keeps_nobody_waiting(tmp_path: Path) -> None:
    before, prompting = keyring.get_keyring(), Prompting()
    keyring.set_keyring(prompting)
    try:
        config = Config(data_dir=tmp_path, storage=Storage(encryption=True))
        check = Check("Data", "encryption", lambda: judge(see(config)), 0.2, "unlock it")
        ((_, (found,)),) = made([check])
    finally:
        prompting.over.set()
        keyring.set_keyring(before)
    assert (found.level, found.remedy) == ("problem", "unlock it")


@pytest.fixture
def encrypted(place: Place) -> Iterator[Place]:
    """An encrypted index of one file, without a daemon."""
    key = f'\n[storage]\nencryption = true\nkey = "file"\nkey_file = "{place.root}/prism.key"\n'
    place.config.write_text(f"{CONFIG}{key}")
    place.write("plan.txt", "The zanzibar plan.")
    place.run("index", place.folder)
    yield place
    assert secrecy.in_use(place.data_dir) == []


def test_doctor_leaves_an_encrypted_index_as_it_is(encrypted: Place) -> None:
    before = names(encrypted.root)
    found = {verdict["what"]: verdict for verdict in encrypted.json("doctor")}
    assert found["encryption"]["detail"].startswith("on; the key opens the index")
    assert found["files"]["detail"].startswith("1: ")
    assert found["memory folder"]["level"] in ("ok", "note")
    assert names(encrypted.root) == before


def test_doctor_tells_once_of_a_key_that_is_gone(encrypted: Place) -> None:
    (encrypted.root / "prism.key").unlink()
    found = encrypted.json("doctor", exit_code=1)
    problems = [verdict["what"] for verdict in found if not verdict["well"]]
    assert problems == ["encryption"]
    (index,) = [verdict for verdict in found if verdict["what"] == "index"]
    assert index["remedy"] == "mend what 'encryption' tells of"
    (folder,) = [verdict for verdict in found if verdict["what"] == "folder"]
    assert "not known, for the index was not read" in folder["detail"]
