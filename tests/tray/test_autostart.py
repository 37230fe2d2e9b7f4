from __future__ import annotations

import os
import plistlib
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.errors import ConfigError
from prismd.service.command import Command
from prismd.tray import autostart

COMMAND = ("/opt/my apps/prismd", "--data-dir", '/data/100% "mine"$HOME\\`x`', "tray", "--patient")

AGENT = Command(COMMAND, {"XDG_DATA_HOME": "/my data"})


def keys(entry: str) -> dict[str, str]:
    """The keys of a desktop entry, with the escapes of strings undone."""
    lines = entry.splitlines()
    assert lines[0] == "[Desktop Entry]"
    escapes = {"\\\\": "\\", "\\n": "\n", "\\t": "\t"}
    found = {}
    for line in lines[1:]:
        key, _, value = line.partition("=")
        text, rest = "", value
        while rest:
            piece = rest[:2] if rest[0] == "\\" else rest[0]
            text += escapes.get(piece, piece)
            rest = rest[len(piece) :]
        found[key] = text
    return found


def arguments(command: str) -> list[str]:
    """What a desktop makes of ``Exec``, by its specification."""
    found, current, position, quoted = [], "", 0, False
    while position < len(command):
        character = command[position]
        if character == "\\" and quoted:
            position += 1
            current += command[position]
        elif character == '"':
            quoted = not quoted
            current += "\0"
        elif character == " " and not quoted:
            found.append(current)
            current = ""
        else:
            current += character
        position += 1
    return [part.replace("\0", "").replace("%%", "%") for part in [*found, current]]


def test_the_desktop_entry_starts_the_very_command() -> None:
    found = keys(autostart.entry(Command(COMMAND)))
    assert found["Type"] == "Application"
    assert found["TryExec"] == COMMAND[0]
    assert found["Terminal"] == "false"
    assert arguments(found["Exec"]) == list(COMMAND)


def test_variables_that_say_where_the_data_is_go_with_the_command() -> None:
    found = keys(autostart.entry(AGENT))
    assert found["TryExec"] == COMMAND[0]
    assert arguments(found["Exec"]) == ["/usr/bin/env", "XDG_DATA_HOME=/my data", *COMMAND]


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\0\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        ),
        min_size=1,
    )
)
def test_any_argument_reaches_the_command_as_it_is(given_arguments: list[str]) -> None:
    command = ("/bin/prismd", *given_arguments)
    assert tuple(arguments(keys(autostart.entry(Command(command)))["Exec"])) == command


def test_the_agent_starts_the_very_command_once_within_the_desktop() -> None:
    found = plistlib.loads(autostart.agent(AGENT))
    assert found["ProgramArguments"] == list(COMMAND)
    assert found["RunAtLoad"] is True
    assert found["EnvironmentVariables"]["XDG_DATA_HOME"] == "/my data"
    assert "/opt/homebrew/bin" in found["EnvironmentVariables"]["PATH"].split(":")
    assert found["LimitLoadToSessionType"] == "Aqua"
    assert "KeepAlive" not in found


def test_it_is_written_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "new" / "autostart" / "prismd-tray.desktop"
    autostart.install(Command(("/old/prismd", "tray")), path)
    autostart.install(Command(COMMAND), path)
    autostart.install(Command(COMMAND), path)
    assert path.read_text() == autostart.entry(Command(COMMAND))
    assert list(path.parent.iterdir()) == [path]
    assert autostart.uninstall(path)
    assert not autostart.uninstall(path)
    assert list(path.parent.iterdir()) == []


def test_the_kind_of_file_follows_its_name(tmp_path: Path) -> None:
    autostart.install(Command(COMMAND), tmp_path / "a.plist")
    assert plistlib.loads((tmp_path / "a.plist").read_bytes())["ProgramArguments"] == list(COMMAND)


def test_where_it_cannot_be_written_the_person_is_told(tmp_path: Path) -> None:
    blocking = tmp_path / "autostart"
    blocking.write_text("a file where a folder should be")
    with pytest.raises(ConfigError, match=r"cannot be written .*make its folder writable"):
        autostart.install(Command(COMMAND), blocking / "prismd-tray.desktop")
    assert blocking.read_text() == "a file where a folder should be"
    with pytest.raises(ConfigError, match="cannot be removed"):
        autostart.uninstall(blocking / "prismd-tray.desktop")


def test_the_place_is_the_desktops_own(home: Path) -> None:
    if os.uname().sysname == "Darwin":
        assert autostart.place({}) == home / "Library/LaunchAgents/local.prismd.tray.plist"
    else:
        assert autostart.place({}) == home / ".config/autostart/prismd-tray.desktop"
        assert autostart.place({"XDG_CONFIG_HOME": "/c"}) == Path(
            "/c/autostart/prismd-tray.desktop"
        )


def test_others_cannot_change_what_starts_at_login(tmp_path: Path) -> None:
    path = tmp_path / "autostart" / "prismd-tray.desktop"
    autostart.install(Command(COMMAND), path)
    assert not stat.S_IMODE(path.stat().st_mode) & 0o022
