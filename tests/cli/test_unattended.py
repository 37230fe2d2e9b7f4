"""Commands that go on where nobody sits."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from prismd.cli.context import Context
from prismd.cli.unattended import is_encrypted, log_kind
from prismd.config.loading import glance
from prismd.encryption.discretion import Discreet
from prismd.encryption.key import Key
from prismd.store.database import Database
from tests.cli.harness import CONFIG, Place

LOGGING = """
import logging
from prismd.cli.context import Context
with Context(None, {}).prism(writable=False):
    logging.getLogger("prismd.x").warning("%s: is broken", "zanzibar.pdf")
"""
ENCRYPTED = '[storage]\nencryption = true\nkey = "file"\nkey_file = "/elsewhere/prism.key"\n'


@pytest.mark.parametrize(
    ("settings", "encrypted"),
    [
        ("", False),
        (ENCRYPTED, True),
        (f"{ENCRYPTED}[search]\nlimit = 'many'\n", True),
        ("[search]\nlimit = 'many'\n", False),
        ("[storage]\nencryption = 'yes'\n", False),
        ("storage = 3\n", False),
        ("no TOML at all", False),
    ],
)
def test_the_log_is_discreet_where_the_index_is_to_be_encrypted(
    tmp_path: Path, settings: str, encrypted: bool
) -> None:
    (tmp_path / "config.toml").write_text(settings)
    context = Context(tmp_path / "config.toml", {"data_dir": tmp_path / "data"})
    assert is_encrypted(context) is encrypted
    assert log_kind(context) is (Discreet if encrypted else logging.Formatter)


def test_what_the_index_is_counts_even_if_the_settings_are_wrong(tmp_path: Path) -> None:
    key = Key.fresh()
    Database(tmp_path / "data", key=lambda: key).close()
    (tmp_path / "config.toml").write_text('data_dir = "data"\n[search]\nlimit = "many"\n')
    assert is_encrypted(Context(tmp_path / "config.toml", {}))


def test_of_wrong_settings_it_is_seen_where_the_index_is(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('data_dir = "here"\nnonsense = 1\n')
    assert glance(file, {}) == (False, tmp_path / "here")
    assert glance(file, {"PRISMD_DATA_DIR": "/there"}) == (False, Path("/there"))
    flags = {"data_dir": Path("/other")}
    assert glance(file, {"PRISMD_DATA_DIR": "/there"}, flags) == (False, Path("/other"))
    assert glance(file, {"PRISMD_DATA_DIR": "~nobody-here"}) == (False, tmp_path / "here")
    missing = glance(tmp_path / "none.toml", {})
    assert missing[0] is False
    assert missing[1].name == "prismd"


@pytest.mark.parametrize("file", ["", "[storage]\nencryption = false\n"])
def test_a_variable_says_that_it_is_to_be_encrypted_as_it_does_of_settings_that_are_right(
    tmp_path: Path, file: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{file}[search]\nlimit = 'many'\n")
    assert glance(path, {"PRISMD_STORAGE_ENCRYPTION": "true"})[0]
    assert not glance(path, {"PRISMD_STORAGE_ENCRYPTION": "maybe"})[0]


@pytest.mark.parametrize("command", ["mcp", "tray"])
@pytest.mark.parametrize(("encrypted", "told"), [(True, False), (False, True)])
def test_what_ends_an_agents_server_or_the_tray_is_named_only_of_a_plain_index(
    place: Place, command: str, encrypted: bool, told: bool
) -> None:
    place.config.write_text((ENCRYPTED if encrypted else "") + '[search]\nlimit = "zanzibar"\n')
    said = place.run(command, exit_code=2)
    assert said.startswith("prismd: ")
    assert ("zanzibar" in said) is told


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has a screen")
def test_what_the_tray_lacks_is_told_of_an_encrypted_index_too(place: Place) -> None:
    place.config.write_text(ENCRYPTED)
    nothing = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    said = place.run("tray", exit_code=1, env=nothing)
    assert "start 'prismd tray' within a desktop" in said


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_command_that_opens_the_index_itself_logs_as_discreetly(
    place: Place, encrypted: bool
) -> None:
    key = place.root / "prism.key"
    storage = f'\n[storage]\nencryption = true\nkey = "file"\nkey_file = "{key}"\n'
    place.config.write_text(CONFIG + (storage if encrypted else ""))
    place.run("index")
    done = place.run_python(LOGGING)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ("…" if encrypted else "zanzibar.pdf") + ": is broken\n"
