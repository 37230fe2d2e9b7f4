"""Whose daemon an installed service runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from prismd.errors import ConfigError
from prismd.invocation import absolute, named_by
from prismd.service.command import Command


def served(command: Command | None) -> str | None:
    """The data directory of the daemon that a service runs.

    Args:
        command: What it runs.

    Returns:
        An absolute path; None where its settings do not tell, or are not where this process would
        look for them.
    """
    if command is None or "run" not in command.argv:
        return None
    config_file, data_dir = named_by(command.argv, command.environment)
    if data_dir is not None:
        return absolute(data_dir)
    from prismd.config.loading import load

    try:
        config = load(config_file, env=command.environment)
    except ConfigError:
        return None
    by_place = config_file is None or "data_dir" not in config.sources
    if by_place and _places(command.environment) != _places(os.environ):
        return None
    return absolute(config.data_dir)


def _places(environment: Mapping[str, str]) -> list[str]:
    """Where settings and data are looked for."""
    return [
        absolute(Path(environment.get(name) or usual))
        for name, usual in (("XDG_CONFIG_HOME", "~/.config"), ("XDG_DATA_HOME", "~/.local/share"))
    ]
