"""Has the icon shown at every login: an entry of the desktop's, or of launchd's."""

from __future__ import annotations

import contextlib
import os
import plistlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from prismd.errors import ConfigError

_LABEL = "local.prismd.tray"
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


def install(command: Sequence[str], path: Path) -> None:
    """Write the file, in place of an older one.

    Args:
        command: What shows the icon; the program by its absolute path.
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


def entry(command: Sequence[str]) -> str:
    """The desktop entry of a command (freedesktop.org, Desktop Entry Specification 1.5)."""
    return _ENTRY.format(
        program=_string(command[0]), command=" ".join(_string(_quoted(part)) for part in command)
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


def agent(command: Sequence[str]) -> bytes:
    """The launchd agent of a command: started within the desktop, and not again."""
    return plistlib.dumps(
        {
            "Label": _LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
        }
    )
