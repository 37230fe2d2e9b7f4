"""``config show`` and ``config path``."""

from __future__ import annotations

import click
import msgspec

from prismd.cli.context import Context, json_option, pass_context, print_json


@click.group("config")
def config_command() -> None:
    """Show the settings in force, and where they come from."""


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
