"""``tray``: an icon on the desktop that shows what prismd does."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from prismd.cli.context import Context, pass_context


@click.group("tray", invoke_without_command=True, short_help="Show an icon in the desktop's panel.")
@click.option("--patient", is_flag=True, help="Wait for the desktop's panel, as at a login.")
@pass_context
@click.pass_context
def tray_command(ctx: click.Context, context: Context, patient: bool) -> None:
    """Show an icon in the desktop's panel: what prismd does, with a menu to pause it and more."""
    if ctx.invoked_subcommand is not None:
        return
    from prismd.config.loading import default_path
    from prismd.tray.power import Launch
    from prismd.tray.running import Settings, run

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = context.config
    launch = Launch(
        program=_program(),
        overrides=_overrides(context),
        data_dir=config.data_dir,
        url=config.server.base_url,
        log_file=config.log.file,
    )
    settings = Settings(launch, config.file or default_path(), patient)
    if not run(context.daemon, settings):
        click.echo(f"An icon for {config.data_dir} is shown already.")


@tray_command.command("install")
@pass_context
def install_command(context: Context) -> None:
    """Show the icon at every login."""
    from prismd.tray import autostart

    path = autostart.place()
    command = [*_program(), *_overrides(context), "tray", "--patient"]
    autostart.install(command, path)
    click.echo(
        f"{path}: written; the icon is shown from the next login on. 'prismd tray' shows it now."
    )


@tray_command.command("uninstall")
def uninstall_command() -> None:
    """Show the icon at login no more."""
    from prismd.tray import autostart

    path = autostart.place()
    if autostart.uninstall(path):
        click.echo(f"{path}: removed; an icon that is shown now stays until you quit it.")
    else:
        click.echo("The icon is not shown at login.")


def _program() -> tuple[str, ...]:
    """This very prismd, so that it is found again wherever it is called from."""
    script = Path(sys.executable).with_name("prismd")
    return (str(script),) if script.exists() else (sys.executable, "-m", "prismd")


def _overrides(context: Context) -> tuple[str, ...]:
    """Options for what flags or the environment have named, which a login does not know."""
    config = context.config
    source = config.sources.get("data_dir", "")
    found: list[str] = []
    if source == "flag" or source.startswith("environment"):
        found += ["--data-dir", str(config.data_dir)]
    if config.file is not None and config.file != _usual_file():
        found += ["--config", str(config.file)]
    return tuple(found)


def _usual_file() -> Path:
    from prismd.config.loading import default_path

    return default_path()
