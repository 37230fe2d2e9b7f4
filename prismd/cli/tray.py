"""``tray``: an icon on the desktop that shows what prismd does."""

from __future__ import annotations

import os

import click

from prismd.cli.context import Context, pass_context
from prismd.cli.unattended import log_kind, unattended


@click.group("tray", invoke_without_command=True, short_help="Show an icon in the desktop's panel.")
@click.option("--patient", is_flag=True, help="Wait for the desktop's panel, as at a login.")
@pass_context
@unattended
@click.pass_context
def tray_command(ctx: click.Context, context: Context, patient: bool) -> None:
    """Show an icon in the desktop's panel: what prismd does, with a menu to pause it and more."""
    if ctx.invoked_subcommand is not None:
        return
    from prismd.config.loading import default_path
    from prismd.daemon.logs import log_to_stderr
    from prismd.tray.backend import NoScreen
    from prismd.tray.power import Launch
    from prismd.tray.running import Settings, run

    log_to_stderr("info", "%(levelname)s %(message)s", log_kind(context))
    config, called = context.config, context.invocation
    launch = Launch(
        program=called.program,
        overrides=called.options,
        data_dir=config.data_dir,
        url=config.server.base_url,
        log_file=config.log.file,
    )
    settings = Settings(launch, config.file or default_path(), patient)
    try:
        has_shown = run(context.daemon, settings)
    except NoScreen as error:
        error.saying(str(error))  # it names what is lacking, and nothing of the files
        raise
    if not has_shown:
        click.echo(f"An icon for {config.data_dir} is shown already.")


@tray_command.command("install")
@pass_context
def install_command(context: Context) -> None:
    """Show the icon at every login.

    It runs this very prismd, with the --data-dir and --config that are given here.
    """
    from prismd.cli.shell_settings import note_on
    from prismd.service.command import Command, places_of
    from prismd.tray import autostart

    config = context.config  # what is wrong in it is to be told now, and not at a login
    path = autostart.place()
    argv = (*context.invocation.argv, "tray", "--patient")
    autostart.install(Command(argv, places_of(os.environ)), path)
    click.echo(
        f"{path}: written; the icon is shown from the next login on. 'prismd tray' shows it now."
    )
    if lost := note_on(config, "at a login"):
        click.echo(f"note: {lost}", err=True)


@tray_command.command("uninstall")
def uninstall_command() -> None:
    """Show the icon at login no more."""
    from prismd.tray import autostart

    path = autostart.place()
    if autostart.uninstall(path):
        click.echo(f"{path}: removed; an icon that is shown now stays until you quit it.")
    else:
        click.echo("The icon is not shown at login.")
