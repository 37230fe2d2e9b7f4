"""The units of systemd, as texts. Pure but for the templates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from prismd.errors import ConfigError
from prismd.service.command import Command
from prismd.service.templates import template

SERVICE = "prismd.service"
SOCKET = "prismd.socket"
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_UNSAFE = re.compile("[\"'\\\\]")
"""What systemd takes in arguments, and never in the path of a program."""


def service_unit(command: Command) -> str:
    """The unit that runs a command.

    Raises:
        ConfigError: Something in the command cannot be written into a unit.
    """
    if _UNSAFE.search(command.argv[0]):
        raise _unfit(command.argv[0], "has quotes or backslashes")
    argv = " ".join(quoted(argument) for argument in command.argv)
    return _filled(
        SERVICE,
        {"COMMAND": argv, "ENVIRONMENT": _environment(command.environment)},
    )


def socket_unit(host: str, port: int) -> str:
    """The unit that listens in prismd's place.

    Args:
        host: A loopback address, or ``localhost``.
        port: Of the settings.
    """
    return _filled(SOCKET, {"ADDRESS": address(host, port)})


def address(host: str, port: int) -> str:
    """Where to listen, as a unit has it."""
    if host == "localhost":
        host = "127.0.0.1"  # systemd knows no names
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_in(text: str) -> str:
    """Where a unit that was written has systemd listen; empty where it says nothing of it."""
    found = re.search(r"^ListenStream=(\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


def quoted(text: str) -> str:
    """A text as one word of a unit's line, after an equals sign or within a command.

    Raises:
        ConfigError: It has characters that no line of a unit can have.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unfit(text, "is not UTF-8") from None
    if _CONTROL.search(text):
        raise _unfit(text, "has control characters")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _unfit(text: str, what: str) -> ConfigError:
    return ConfigError(f"{text!r}: {what}, which a unit of systemd cannot hold; rename it")


def _environment(variables: Mapping[str, str]) -> str:
    return "\n".join(
        f"Environment={quoted(f'{name}={value}')}" for name, value in sorted(variables.items())
    )


def _filled(name: str, values: Mapping[str, str]) -> str:
    return re.sub("@([A-Z]+)@", lambda found: values[found[1]], template("systemd", name))
