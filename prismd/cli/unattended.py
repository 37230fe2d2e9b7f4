"""Commands that go on where nobody sits: what ends one is written into a log, by who started it.

Such a log is a file, or becomes one, and lies beside an encrypted index in the clear.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import click

from prismd.cli.context import Context
from prismd.cli.terminal import plain
from prismd.encryption.discretion import Discreet, briefly
from prismd.errors import ConfigError, PrismdError, StoreError

_MORE = (
    "the index is encrypted, so no more is written here: 'prismd doctor', or 'prismd run' in a"
    " terminal, says what is wrong"
)

P = ParamSpec("P")


def unattended(
    command: Callable[Concatenate[Context, P], None],
) -> Callable[Concatenate[Context, P], None]:
    """Of an encrypted index, leave out of what ends a command whatever names files or folders.

    Who sits at a terminal is told all, and so is the user of whoever shows it to them.
    """

    @functools.wraps(command)
    def run(context: Context, /, *args: P.args, **options: P.kwargs) -> None:
        try:
            command(context, *args, **options)
        except (PrismdError, OSError) as error:
            if context.attended or sys.stderr.isatty() or not is_encrypted(context):
                raise
            say(plain(_discreetly(error)))
            click.get_current_context().exit(getattr(error, "exit_code", 1))

    return run


def is_encrypted(context: Context) -> bool:
    """Whether the index of the settings is encrypted, as far as it can be known of wrong ones."""
    from prismd.daemon import unlocking

    try:
        try:
            return unlocking.is_encrypted(context.config)
        except ConfigError:
            wanted, data_dir = context.glance()
            return wanted or unlocking.is_encrypted_at(data_dir)
    except StoreError:  # who may not even look at it is told nothing of it
        return True


def log_kind(context: Context) -> type[logging.Formatter]:
    """What makes the lines of a command's log."""
    return Discreet if is_encrypted(context) else logging.Formatter


def say(fault: str) -> None:
    """Say what ended a command; systemd's journal has it among the errors."""
    from prismd.daemon.logs import ERROR_PREFIX, is_journal

    click.echo(f"{ERROR_PREFIX if is_journal() else ''}prismd: {fault}", err=True)


def _discreetly(error: PrismdError | OSError) -> str:
    told = error.discreetly if isinstance(error, PrismdError) else ""
    return told or f"{briefly(error)}; {_MORE}"
