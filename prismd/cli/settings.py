"""``config show``, ``config path``, ``config example`` and ``config reload``."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from prismd.cli.context import Context, checked, json_option, pass_context, print_json
from prismd.cli.terminal import plain
from prismd.errors import ConfigError
from prismd.wording import counted


@click.group("config", short_help="Show the settings, and have changed ones taken.")
def config_command() -> None:
    """Show the settings and where they come from, and have changed ones taken."""


@config_command.command("show")
@json_option
@pass_context
def show_command(context: Context, as_json: bool) -> None:
    """Print every setting with its value and its source."""
    from prismd.config.loading import describe

    settings = list(describe(context.config))
    if as_json:
        rows = [{"key": s.key, "value": s.value, "source": s.source} for s in settings]
        print_json(msgspec.to_builtins(rows, enc_hook=str))
        return
    width = max(len(setting.key) for setting in settings)
    for setting in settings:
        value = msgspec.json.encode(setting.value, enc_hook=str).decode()
        source = "" if setting.source == "default" else f"   ({setting.source})"
        click.echo(f"{setting.key:{width}}  {value}{source}")


@config_command.command("path")
@pass_context
def path_command(context: Context) -> None:
    """Print where the configuration file is, or would be."""
    from prismd.config.loading import default_path

    click.echo(context.config.file or default_path())


@config_command.command(
    "example", short_help="Print a configuration file that explains every option."
)
def example_command() -> None:
    """Print a configuration file with every option, its default, and what it does.

    All are commented out; write it where 'prismd config path' says, to have one to change.
    """
    from prismd.config.example import example

    click.echo(example(), nl=False)


@config_command.command("reload")
@json_option
@pass_context
def reload_command(context: Context, as_json: bool) -> None:
    """Have the running prismd go by what the configuration says now.

    It reads the same file, environment and flags as at its start. Nothing that was read before is
    read anew for it.
    """
    with context.daemon() as daemon:
        try:
            found = checked(daemon.post("/config/reload"))
        except click.UsageError as error:  # not of this command line: of the configuration
            raise ConfigError(error.message) from error
    if as_json:
        print_json(found)
        return
    click.echo(f"{plain(found['file'])}: read." if found["file"] else "There is no file.")
    for folder in found["added"]:
        click.echo(f"added      {plain(folder)}")
    for folder in found["removed"]:
        told = counted(folder["files"], "file")
        click.echo(f"removed    {plain(folder['path'])}; {told} forgotten")
    for key in found["applied"]:
        click.echo(f"changed    {plain(key)}{_redone(found, key)}")
    for key in found["after_restart"]:
        click.echo(f"waits      {plain(key)}, for the next start{_redone(found, key)}")
    for stale in found["stale"]:
        click.echo(
            f"stale      {stale['count']} {stale['what']} {stale['why']}; '{stale['command']}'"
        )
    if not any(found[part] for part in ("added", "removed", "applied", "after_restart")):
        click.echo("Nothing has changed.")


def _redone(found: dict[str, Any], key: str) -> str:
    command = found["redo"].get(key)
    when = "; then" if key in found["after_restart"] else ";"
    return f"{when} '{command}' applies it to what was read before" if command else ""
