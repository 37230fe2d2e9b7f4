"""How this very prismd is called: by a person in this shell, and by what has no shell.

A service, an entry that starts something at login and a process that outlives this one find
neither the shell's folder nor its PATH nor its variables: they are given absolute paths, and
options for what variables have named.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

NAME = "prismd"


class Invocation(Struct, frozen=True):
    """A program and the options by which it goes by the same settings as this process.

    Attributes:
        program: What is run, by its absolute path, with the arguments that it always needs.
        config_file: The configuration file; None for the usual one.
        data_dir: The data directory; None for the one that the settings say.
    """

    program: tuple[str, ...]
    config_file: Path | None = None
    data_dir: Path | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options that name the settings, each with an absolute path."""
        named = (("--config", self.config_file), ("--data-dir", self.data_dir))
        return tuple(
            word for option, path in named if path is not None for word in (option, absolute(path))
        )

    @property
    def argv(self) -> tuple[str, ...]:
        """The program with its options; a command's words come after it."""
        return *self.program, *self.options


def invocation(
    config_file: Path | None,
    data_dir: Path | None,
    *,
    usual_file: Path,
    environment: Mapping[str, str] = os.environ,
) -> Invocation:
    """How this process would be called where nothing is known of its shell.

    Args:
        config_file: The configuration file, if the command line names one.
        data_dir: The data directory, if the command line names one.
        usual_file: The configuration file that is read when none is named, and is not named then.
        environment: Of this process; may name what the command line does not.
    """
    config_file = config_file or _named("PRISMD_CONFIG", environment)
    if config_file is not None and absolute(config_file) == absolute(usual_file):
        config_file = None
    return Invocation(program(), config_file, data_dir or _named("PRISMD_DATA_DIR", environment))


def program() -> tuple[str, ...]:
    """How this process was started; by the link that an update renews, where there is one."""
    started = Path(sys.argv[0])
    if started.name == NAME and (found := shutil.which(started)) is not None:
        return (absolute(Path(found)),)
    return (sys.executable, "-P", "-m", NAME)


def typed(config_file: Path | None, data_dir: Path | None) -> str:
    """How a person calls it in this shell, whose variables are known to it.

    Args:
        config_file: The configuration file, if the command line names one.
        data_dir: The data directory, if the command line names one.
    """
    options = Invocation((), config_file, data_dir).options
    return " ".join([_typed_program(), *map(shlex.quote, options)])


def _typed_program() -> str:
    called = Path(sys.argv[0])
    found = shutil.which(NAME)
    if called.name != NAME:
        return f"{shlex.quote(sys.executable)} -m {NAME}"
    if found is not None and called.exists() and called.samefile(found):
        return NAME
    return shlex.quote(absolute(called))


def absolute(path: Path) -> str:
    """A path as it stands wherever it is gone by."""
    return str(path.expanduser().absolute())


def named_by(
    argv: Sequence[str], environment: Mapping[str, str]
) -> tuple[Path | None, Path | None]:
    """What a command that runs prismd names, by its options or else by variables.

    Args:
        argv: The command, its program first.
        environment: The variables that it is given.

    Returns:
        The configuration file and the data directory; None for what it leaves to others.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--data-dir", type=Path)
    try:
        found, _ = parser.parse_known_args(argv[1:])
    except argparse.ArgumentError:  # an option without its value: the program will not run
        return None, None
    return (
        found.config or _named("PRISMD_CONFIG", environment),
        found.data_dir or _named("PRISMD_DATA_DIR", environment),
    )


def _named(variable: str, environment: Mapping[str, str]) -> Path | None:
    value = environment.get(variable)
    return Path(value) if value else None
