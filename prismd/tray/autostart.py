"""Has the icon shown at every login: an entry of the desktop's, or of launchd's."""

from __future__ import annotations

import contextlib
import os
import plistlib
import sys
from collections.abc import Mapping
from pathlib import Path

from prismd.errors import ConfigError
from prismd.service.agent import SEARCH_PATH
from prismd.service.command import Command

_LABEL = "local.prismd.tray"
_ENV = "/usr/bin/env"
_ENTRY = """\
[Desktop Entry]
Type=Application
Name=prismd
Comment=Shows what prismd does, and lets you pause it
TryExec={program}
Exec={command}
Terminal=false
X-GNOME-Autostart-enabled=true
"""
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")


def place(env: Mapping[str, str] = os.environ) -> Path:
    """The file that has the icon shown at login."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
    configuration = env.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration, "autostart", "prismd-tray.desktop")


def install(command: Command, path: Path) -> None:
    """Write the file, in place of an older one.

    Args:
        command: What shows the icon.
        path: See ``place``.

    Raises:
        ConfigError: It cannot be written.
    """
    content = agent(command) if path.suffix == ".plist" else entry(command).encode()
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); make its folder writable"
        ) from error


def uninstall(path: Path) -> bool:
    """Remove the file; says whether there was one.

    Raises:
        ConfigError: It cannot be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigError(f"{path}: cannot be removed ({error.strerror}); remove it") from error
    return True


def entry(command: Command) -> str:
    """The desktop entry of a command (freedesktop.org, Desktop Entry Specification 1.5)."""
    named = [f"{name}={value}" for name, value in sorted(command.environment.items())]
    words = [*((_ENV, *named) if named else ()), *command.argv]
    return _ENTRY.format(
        program=_string(command.argv[0]),
        command=" ".join(_string(_quoted(word)) for word in words),
    )


def _quoted(argument: str) -> str:
    """An argument as ``Exec`` has it; a percent sign would begin a field code."""
    argument = argument.replace("%", "%%")
    if argument and not _RESERVED & set(argument):
        return argument
    for special in '\\"`$':
        argument = argument.replace(special, f"\\{special}")
    return f'"{argument}"'


def _string(text: str) -> str:
    """A value of the type string, in which a backslash escapes."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def agent(command: Command) -> bytes:
    """The launchd agent of a command: started within the desktop, and not again."""
    return plistlib.dumps(
        {
            "Label": _LABEL,
            "ProgramArguments": list(command.argv),
            # A daemon that the icon starts has the same.
            "EnvironmentVariables": {"PATH": SEARCH_PATH, **command.environment},
            "RunAtLoad": True,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
        }
    )
