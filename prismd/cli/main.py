"""The ``prismd`` command: options that hold for all commands, and errors to exit codes."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from prismd import __version__
from prismd.cli.context import Context
from prismd.errors import PrismdError

_COMMANDS = {
    "run": "serve",
    "index": "serve",
    "search": "ask",
    "ask": "ask",
    "files": "ask",
    "errors": "ask",
    "status": "control",
    "pause": "control",
    "resume": "control",
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
    try:
        cli.main(args=arguments, prog_name="prismd", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (``prismd files | head``); that is no fault.
        sys.stderr.close()
        sys.exit(0)
    except PrismdError as error:
        click.echo(f"prismd: {error}", err=True)
        sys.exit(error.exit_code)
