"""What a service runs: this very prismd, with the settings that it was installed with."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

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


def command_of(
    config_file: Path | None,
    data_dir: Path | None,
    environment: Mapping[str, str] = os.environ,
) -> Command:
    """The command that runs prismd as this process would.

    Args:
        config_file: The configuration file, if one was named.
        data_dir: The data directory, if one was named.
        environment: Of this process. Of prismd's own variables the service gets none.
    """
    argv = list(_this_program())
    if config_file is not None:
        argv += ["--config", str(_absolute(config_file))]
    if data_dir is not None:
        argv += ["--data-dir", str(_absolute(data_dir))]
    kept = {name: environment[name] for name in _PLACES if environment.get(name)}
    if (path := _search_path(environment.get("PATH", ""))) is not None:
        kept["PATH"] = path
    return Command((*argv, "run"), kept)


def _this_program() -> tuple[str, ...]:
    """How this process was started; by the link that an update renews, where there is one."""
    started = Path(sys.argv[0])
    if started.name == "prismd" and (found := shutil.which(started)) is not None:
        return (str(_absolute(Path(found))),)
    return (sys.executable, "-P", "-m", "prismd")


def _search_path(path: str) -> str | None:
    """A PATH with the folders of the programs that prismd runs; None where a usual one will do."""
    found = (shutil.which(program, path=path) for program in _PROGRAMS)
    folders = {str(Path(program).parent) for program in found if program} - set(_SEARCH_PATH)
    return ":".join((*sorted(folders), *_SEARCH_PATH)) if folders else None


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()
