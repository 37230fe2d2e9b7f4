"""``service``: has the system start prismd, and says how that stands."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from prismd.cli.context import Context, json_option, pass_context, print_json
from prismd.cli.served import served
from prismd.cli.shell_settings import note_on
from prismd.cli.terminal import plain
from prismd.errors import ConfigError, PrismdError

if TYPE_CHECKING:
    from prismd.config.options import Config
    from prismd.service.base import ServiceManager, Standing

_force_option = click.option(
    "--force", is_flag=True, help="Even where a file was changed by hand; it is kept beside."
)
_NOT_INSTALLED = "prismd is not installed as a service; 'prismd service install' does that"


@click.group("service", short_help="Have prismd started at login, and look after that.")
def service_command() -> None:
    """Have prismd started at login, by systemd or launchd, and look after that."""


@service_command.command("install", short_help="Have prismd started at every login, and now.")
@click.option("--socket", is_flag=True, help="Start at the first request, not at login (systemd).")
@click.option("--start/--no-start", default=True, help="Start it now, too; the default.")
@click.option("--print", "only_print", is_flag=True, help="Print what would be written, and end.")
@_force_option
@pass_context
def install_command(
    context: Context, socket: bool, start: bool, only_print: bool, force: bool
) -> None:
    """Have prismd started at every login, and now; once more after an update or a move.

    It runs this very prismd, with the --data-dir and --config that are given here.
    """
    from prismd.service.written import sealed

    config = context.config
    manager = service_manager(context, config)
    if only_print:
        for path, text in manager.files(socket=socket).items():
            click.echo(f"{path}:\n{sealed(text)}")
        return
    if start:
        _refuse_foreground(context, manager)
    manager.install(socket=socket, start=start, force=force)
    standing = manager.standing()
    for name in standing.files:
        click.echo(f"{plain(name)}: written")
    _echo(standing)
    for note in _notes(config, standing):
        click.echo(f"note: {note}", err=True)


@service_command.command("uninstall", short_help="Stop the service and remove it; the index stays.")
@_force_option
@pass_context
def uninstall_command(context: Context, force: bool) -> None:
    """Stop the service and remove it; the index, the settings and the log are left."""
    removed = service_manager(context).uninstall(force=force)
    for path in removed:
        click.echo(f"{plain(str(path))}: removed")
    if not removed:
        click.echo("prismd is not installed as a service; nothing to remove.")


@service_command.command("status", short_help="Say whether it is installed, and what it does.")
@json_option
@pass_context
def status_command(context: Context, as_json: bool) -> None:
    """Say whether the service is installed, whether it runs, and what it does."""
    standing = service_manager(context).standing()
    if as_json:
        told = {"installed": standing.is_installed, "data_dir": served(standing.command)}
        print_json({**told, **msgspec.to_builtins(standing)})
        return
    if not standing.is_installed:
        click.echo(f"{_NOT_INSTALLED}.")
        return
    _echo(standing)
    for name in standing.files:
        click.echo(f"file       {plain(name)}{' (changed by hand)' if standing.is_edited else ''}")
    if standing.is_outdated:
        click.echo("outdated   'prismd service install' would write it otherwise")
    if standing.lingers is not None and standing.starts:
        click.echo(f"logged out {'goes on' if standing.lingers else 'ends with the last login'}")


@service_command.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=100, help="How many; 100 by default."
)
@pass_context
@click.pass_context
def logs_command(ctx: click.Context, context: Context, follow: bool, lines: int) -> None:
    """Show the service's log, from the journal or from its file."""
    manager = _installed(context)
    command = manager.log_command(lines, follow=follow)
    try:
        ctx.exit(subprocess.call(command))
    except FileNotFoundError as error:
        raise PrismdError(f"{command[0]}: not found; install it to see the log") from error


@service_command.command("start")
@pass_context
def start_command(context: Context) -> None:
    """Start the installed service."""
    manager = _installed(context)
    _refuse_foreground(context, manager)
    manager.start()
    _echo(manager.standing())


@service_command.command("stop", short_help="Stop the service until the next login.")
@pass_context
def stop_command(context: Context) -> None:
    """Stop the service until the next login, or 'prismd service start'."""
    manager = _installed(context)
    manager.stop()
    _echo(manager.standing())


@service_command.command("restart")
@pass_context
def restart_command(context: Context) -> None:
    """Stop the service and start it again."""
    manager = _installed(context)
    _refuse_foreground(context, manager)
    manager.restart()
    _echo(manager.standing())


def service_manager(context: Context, config: Config | None = None) -> ServiceManager:
    """The service manager of this system.

    Args:
        context: Of the command.
        config: The settings, where they must be sound; a service with wrong ones can still be
            asked after, and removed.
    """
    from prismd.config.options import Server
    from prismd.service.command import command_of
    from prismd.service.launchd import Launchd
    from prismd.service.systemd import Systemd

    if config is None:
        with contextlib.suppress(ConfigError):
            config = context.config
    server, log_file = (config.server, config.log.file) if config else (Server(), None)
    command = command_of(context.invocation)
    if sys.platform == "darwin":
        return Launchd(command, log_file)
    return Systemd(command, server.host, server.port, log_file)


def _installed(context: Context) -> ServiceManager:
    manager = service_manager(context)
    if not manager.standing().is_installed:
        raise PrismdError(_NOT_INSTALLED)
    return manager


def _refuse_foreground(context: Context, manager: ServiceManager) -> None:
    """A second daemon could not open the index: better told here than in a log.

    Raises:
        PrismdError: prismd runs, and the service manager did not start it.
    """
    from prismd.running import find_running

    running = find_running(context.config.data_dir)
    if running is not None and context.running() and running.pid != manager.standing().pid:
        raise PrismdError(
            f"a prismd that is no service runs already (process {running.pid}, {running.url});"
            " end it first, by Ctrl-C where it was started, or give 'install' --no-start"
        )


def _echo(standing: Standing) -> None:
    click.echo(in_words(standing))
    if standing.told:
        click.echo(f"says       {plain(standing.told)}")


def in_words(standing: Standing) -> str:
    """How it stands, in a sentence. Pure."""
    told = f"prismd under {standing.manager}: {standing.state}"
    if standing.detail:
        told += f" ({standing.detail})"
    if standing.pid:
        told += f", process {standing.pid}"
    return f"{told}; starts {standing.starts or 'only when told to'}."


AT_BOOT = (
    "it runs from boot on, and the key of the index is in the keyring, which is open only once you"
    ' have logged in at the screen: until then it waits; with [storage] key = "file" it need not'
)
"""Of a service for which ``waits_at_boot``."""


def waits_at_boot(config: Config, standing: Standing) -> bool:
    """Whether it starts before the keyring can be open that has the key of its index."""
    from prismd.daemon.unlocking import is_encrypted

    starts = standing.lingers is True and bool(standing.starts)
    return starts and config.storage.key == "keyring" and is_encrypted(config)


def _notes(config: Config, standing: Standing) -> Iterator[str]:
    from prismd.store.database import FILE_NAME

    if waits_at_boot(config, standing):
        yield AT_BOOT
    if standing.lingers is False:
        yield (
            "it ends when you log out, and starts when you log in; 'loginctl enable-linger' has it"
            " run from boot to shutdown"
        )
    if lost := note_on(config, "for the service"):
        yield lost
    if not config.folders and not (config.data_dir / FILE_NAME).exists():
        yield "no folder is indexed yet; name one: 'prismd add FOLDER'"
