"""What a service runs: this very prismd, with the settings that it was installed with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from prismd.invocation import Invocation

_PLACES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
"""Where a shell may keep what a service, which has no shell, would look for elsewhere."""
_SEARCH_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_PROGRAMS = ("tesseract",)


class Command(Struct, frozen=True):
    """What a service runs.

    Attributes:
        argv: The program, by its absolute path, and its arguments.
        environment: Variables that it needs besides those that every service has.
    """

    argv: tuple[str, ...]
    environment: dict[str, str] = {}


def command_of(called: Invocation, environment: Mapping[str, str] = os.environ) -> Command:
    """The command that runs prismd as this process would.

    Args:
        called: How prismd is called.
        environment: Of this process. Of prismd's own variables the service gets none.
    """
    kept = places_of(environment)
    if (path := _search_path(environment.get("PATH", ""))) is not None:
        kept["PATH"] = path
    return Command((*called.argv, "run", "--patient"), kept)


def places_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where settings and data are looked for, as far as they are set."""
    return {name: environment[name] for name in _PLACES if environment.get(name)}


def _search_path(path: str) -> str | None:
    """A PATH with the folders of the programs that prismd runs; None where a usual one will do."""
    found = (shutil.which(program, path=path) for program in _PROGRAMS)
    folders = {str(Path(program).parent) for program in found if program} - set(_SEARCH_PATH)
    return ":".join((*sorted(folders), *_SEARCH_PATH)) if folders else None
