"""The ``prismd`` command: options that hold for all commands, and errors to exit codes."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TextIO

import click

from prismd import __version__
from prismd.cli.completion import VARIABLE
from prismd.cli.context import Context
from prismd.cli.terminal import plain
from prismd.cli.unattended import say
from prismd.errors import PrismdError

_COMMANDS = {
    "run": "serve",
    "index": "serve",
    "search": "ask",
    "ask": "ask",
    "files": "ask",
    "errors": "ask",
    "history": "history",
    "status": "status",
    "pause": "pause",
    "resume": "pause",
    "retry": "control",
    "add": "control",
    "remove": "control",
    "models": "models",
    "token": "upkeep",
    "check": "upkeep",
    "backup": "upkeep",
    "reindex": "upkeep",
    "encrypt": "encryption",
    "decrypt": "encryption",
    "key": "encryption",
    "config": "settings",
    "doctor": "doctor",
    "service": "service",
    "tray": "tray",
    "mcp": "mcp",
    "completion": "completion",
}
_SECTIONS = {
    "Begin": ("run", "add", "models", "token", "doctor"),
    "Ask": ("ask", "search", "files", "history", "mcp"),
    "See how it stands": ("status", "errors", "retry", "pause", "resume"),
    "Have it at hand": ("service", "tray", "completion"),
    "Tend the index": ("index", "remove", "reindex", "check", "backup", "config"),
    "Keep it secret": ("encrypt", "decrypt", "key"),
}
"""Headings of the help, with the commands below each; every command is below one."""
_FIRST_STEPS = """\b
First steps:
  prismd models pull           fetch the models for search and speech
  prismd run ~/Documents       read a folder, and answer until Ctrl-C
Then, in another terminal:
  prismd token --open          let the browser in
  prismd ask "When does the lease end?"
"""

_EPILOG = """\b
Environment:
  PRISMD_DATA_DIR, PRISMD_CONFIG  as --data-dir and --config
  PRISMD_PORT                     as 'prismd run --port'
  PRISMD_SECTION_KEY              any setting, such as PRISMD_SEARCH_LIMIT=5;
                                  'prismd config show' lists them
  NO_COLOR                        no colours, when set to anything

\b
Exit codes:
  0    done
  1    failed; the message says what helps
  2    the command line or the configuration is wrong
  3    no prismd is running
  130  interrupted
"""


class _Lazy(click.Group):
    """Imports a command's module when the command is called, not before."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands below their headings."""
        for heading, names in _SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            limit = formatter.width - 6 - max(len(name) for name in names)
            rows = [(name, found.get_short_help_str(limit)) for name, found in commands if found]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(import_module(f"prismd.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)  # noqa: S101 - our own table
        return command


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"{_FIRST_STEPS}\n{_EPILOG}",
    invoke_without_command=True,
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the index and the token are kept.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The configuration file.",
)
@click.version_option(__version__, prog_name="prismd")
@click.pass_context
def cli(ctx: click.Context, data_dir: Path | None, config_file: Path | None) -> None:
    """Ask your own files, and get answers with citations that you can check."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False  # commands take it over; click itself does not ask
    ctx.obj = Context(config_file, {"data_dir": data_dir})
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run a command; ends the process with its exit code."""
    os.umask(0o077)  # whatever prismd writes is the user's alone
    if VARIABLE in os.environ:
        from prismd.cli.completing import quote_for_bash

        quote_for_bash()
    try:
        # What a command ends with by ``ctx.exit`` is returned, not raised; others return None.
        returned = cli.main(arguments, "prismd", complete_var=VARIABLE, standalone_mode=False)
        code = returned or 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except PrismdError as error:
        say(plain(str(error)))
        code = error.exit_code
    except OSError as error:
        say(_told(error))
        code = 1
    sys.exit(_written(code))


def _written(code: int) -> int:
    """The exit code, once all is written out that was printed.

    Python would do that later, and end with 120 and a trace where it cannot be done.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        _give_up(sys.stdout)
        # A closed terminal took the reader away, as a closed pipe does; a disk has its reasons.
        was_terminal = error.errno == errno.EIO and sys.stdout.line_buffering
        if error.errno != errno.EPIPE and not was_terminal:
            say(_told(error))
            code = code or 1
    try:
        sys.stderr.flush()
    except OSError:
        _give_up(sys.stderr)
    return code


def _give_up(stream: TextIO) -> None:
    """Have what is left of a stream go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _told(error: OSError) -> str:
    """What the system refused; every command may meet a full disk or a closed door."""
    named = isinstance(error.filename, str | bytes)
    subject = plain(os.fsdecode(error.filename)) if named else "failed"
    return f"{subject}: {error.strerror or error}; 'prismd doctor' may know why"
