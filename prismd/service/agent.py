"""The agent of launchd, as a text. Pure but for the template."""

from __future__ import annotations

import plistlib
from pathlib import Path

from prismd.service.command import Command
from prismd.service.templates import template

LABEL = "local.prismd"
FILE_NAME = f"{LABEL}.plist"
_LOG_VARIABLE = "PRISMD_LOG_FILE"
SEARCH_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
"""An agent has no PATH of a shell, and programs that were installed by hand are not found."""


def caught_file(log_file: Path) -> Path:
    """Where launchd writes what prismd says before it has its log, and should it crash."""
    return log_file.with_name("prismd.stderr.log")


def agent_plist(command: Command, log_file: Path, *, sets_log: bool) -> str:
    """The property list that runs a command.

    Args:
        command: What is run.
        log_file: Where prismd's log goes; what launchd itself catches goes beside it.
        sets_log: Have prismd write there; its settings name a file of their own otherwise.
    """
    agent = plistlib.loads(template("launchd", "prismd.plist").encode())
    agent["Label"] = LABEL
    agent["ProgramArguments"] = list(command.argv)
    agent["EnvironmentVariables"] = {"PATH": SEARCH_PATH, **command.environment}
    if sets_log:
        agent["EnvironmentVariables"][_LOG_VARIABLE] = str(log_file)
    agent["StandardErrorPath"] = str(caught_file(log_file))
    return plistlib.dumps(agent, sort_keys=False).decode()
