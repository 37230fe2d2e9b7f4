"""The ``prismd`` command: options that hold for all commands, and errors to exit codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from prismd import __version__
from prismd.cli.context import Context
from prismd.cli.terminal import plain
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
    "config": "settings",
    "doctor": "doctor",
    "mcp": "mcp",
}


class _Lazy(click.Group):
    """Imports a command's module when the command is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(import_module(f"prismd.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)  # noqa: S101 - our own table
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
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
    ctx.obj = Context(config_file, {"data_dir": data_dir})


def main(arguments: list[str] | None = None) -> None:
    """Run a command; ends the process with its exit code."""
    os.umask(0o077)  # whatever prismd writes is the user's alone
    try:
        # What a command ends with by ``ctx.exit`` is returned, not raised; others return None.
        code = cli.main(args=arguments, prog_name="prismd", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except PrismdError as error:
        click.echo(f"prismd: {plain(str(error))}", err=True)
        code = error.exit_code
    except OSError as error:
        click.echo(f"prismd: {_told(error)}", err=True)
        code = 1
    sys.exit(code)


def _told(error: OSError) -> str:
    """What the system refused; every command may meet a full disk or a closed door."""
    named = isinstance(error.filename, str | bytes)
    subject = plain(os.fsdecode(error.filename)) if named else "failed"
    return f"{subject}: {error.strerror or error}; 'prismd doctor' may know why"
