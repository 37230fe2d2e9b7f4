"""What an installed service runs, read from its files as systemd and launchd read them. Pure."""

from __future__ import annotations

import plistlib
import re
import shlex
from collections.abc import Iterable, Iterator
from xml.parsers.expat import ExpatError

import msgspec
from msgspec import Struct, field

from prismd.service.command import Command

_CONTINUED = re.compile(r"\\\n(?:[ \t]*[#;][^\n]*\n)*")
_PREFIXES = "-:+!|@"
"""Before a command; they say how it is run, and not what."""
_SPECIFIER = re.compile("%(.)")


class _Agent(Struct, frozen=True):
    argv: tuple[str, ...] = field(name="ProgramArguments")
    environment: dict[str, str] = field(name="EnvironmentVariables", default_factory=dict)


def command_of_units(texts: Iterable[str], home: str) -> Command | None:
    """What a service of systemd runs.

    Args:
        texts: Of its unit and of its drop-ins, in the order in which they count.
        home: The user's folder, which they may name by ``%h``.

    Returns:
        None where nothing can be made of them.
    """
    argv: list[str] = []
    environment: dict[str, str] = {}
    for text in texts:
        for key, value in _settings(text):
            if key not in ("ExecStart", "Environment"):
                continue
            try:
                words = [_expanded(word, home) for word in shlex.split(value)]
            except ValueError:
                return None
            if key == "ExecStart":  # an empty one takes back those before
                argv = words
            else:
                named = dict(word.partition("=")[::2] for word in words)
                environment = {**environment, **named} if words else {}
    if not argv:
        return None
    return Command((argv[0].lstrip(_PREFIXES), *argv[1:]), environment)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of the section ``[Service]``."""
    section = ""
    for line in _CONTINUED.sub(" ", text).splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == "[Service]" and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            yield key.strip(), value.strip()


def _expanded(word: str, home: str) -> str:
    """A word with those specifiers replaced that stand in paths."""
    known = {"%": "%", "h": home}
    return _SPECIFIER.sub(lambda found: known.get(found[1], found[0]), word)


def command_of_agent(text: str) -> Command | None:
    """What an agent of launchd runs; None where nothing can be made of it."""
    try:
        agent = plistlib.loads(text.encode())
        told = msgspec.convert(agent, _Agent)
    except (ExpatError, ValueError, msgspec.ValidationError):
        return None
    command = Command(told.argv, told.environment)
    return command if command.argv else None
