"""The command: makes the checks, and prints what they found."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from prismd.cli.context import Context, json_option, pass_context, print_json
from prismd.cli.doctor.rounds import Check, Shared, made
from prismd.cli.doctor.verdict import Verdict, for_programs, problem_of
from prismd.cli.terminal import plain
from prismd.config.options import Config
from prismd.errors import ConfigError
from prismd.wording import counted

if TYPE_CHECKING:
    from prismd.cli.doctor.index import Index

_MODELS_S = 180.0
_INDEX_S = 60.0
_MEANWHILE_S = 20.0
_KEY_S = 20.0
_KEYRING = (
    "the keyring may wait for its password: unlock it, or keep the key in a file: [storage]"
    ' key = "file" and key_file'
)
_SERVICE_S = 15.0
_MANAGER = "see whether 'systemctl --user status' answers; log in again where it does not"
_SIGNS = {"ok": ("ok", "green"), "note": ("--", "yellow"), "problem": ("!!", "red")}
_NAME_WIDTH = 18
_MARGIN = " " * (6 + _NAME_WIDTH)


@click.command("doctor", short_help="Look for what could keep prismd from working.")
@click.option("--verify", is_flag=True, help="Read all weights again, to see that none is damaged.")
@json_option
@pass_context
@click.pass_context
def doctor_command(ctx: click.Context, context: Context, verify: bool, as_json: bool) -> None:
    """Look for what could keep prismd from working, and say what helps.

    Ends with 1 when there is a problem ("!!"). A note ("--") is something to know of. Nothing is
    changed: to try the disk, a file without a name is written to the data directory, and gone at
    once. prismd may run meanwhile.
    """
    if sys.stderr.isatty() and not as_json:
        click.echo("Looking. Weights that were never verified are read whole.\n", err=True)
    found: list[tuple[str, Verdict]] = []
    for check, verdicts in made(list(_checks(context, verify=verify))):
        if not as_json:
            _show(verdicts, check.group if check.group not in dict(found) else "")
        found += [(check.group, verdict) for verdict in verdicts]
    levels = [verdict.level for _, verdict in found]
    if as_json:
        print_json([for_programs(group, verdict) for group, verdict in found])
    else:
        problems, notes = levels.count("problem"), levels.count("note")
        _echo(f"\n{counted(problems, 'problem')}, {counted(notes, 'note')}.")
    if "problem" in levels:
        ctx.exit(1)


def _show(verdicts: list[Verdict], heading: str) -> None:
    if heading and verdicts:
        _echo(click.style(heading, bold=True))
    for verdict in verdicts:
        sign, colour = _SIGNS[verdict.level]
        name = f"{plain(verdict.what):{_NAME_WIDTH}}"
        _echo(f"  {click.style(sign, fg=colour)}  {name}{plain(verdict.detail)}")
        if verdict.remedy:
            _echo(f"{_MARGIN}-> {plain(verdict.remedy)}")


def _echo(line: str) -> None:
    # Click goes by whether it writes to a terminal; None leaves that to it.
    click.echo(line, color=False if os.environ.get("NO_COLOR") else None)


def _checks(context: Context, *, verify: bool) -> Iterator[Check]:
    """What is looked at; where the settings are wrong, only what needs none."""
    from prismd.cli.doctor import program

    yield Check("Program", "program", program.look)
    yield Check("Program", "machine", program.look_at_machine)
    try:
        config = context.config
    except ConfigError as error:
        wrong = problem_of("configuration", error)
        yield Check("Program", "environment", partial(program.look_at_variables, os.environ, None))
        yield Check("Settings", "configuration", lambda: [wrong])
        return
    yield Check("Program", "environment", partial(program.look_at_variables, os.environ, config))
    yield Check("Settings", "configuration", partial(program.look_at_configuration, config))
    yield from _of_the_index(config)
    yield from _of_the_models(config, verify=verify)
    yield from _of_the_daemon(context, config)


def _of_the_index(config: Config) -> Iterator[Check]:
    from prismd.cli.doctor import encryption, index, memory, place, program
    from prismd.store.database import FILE_NAME

    path = config.data_dir
    encrypting = Shared(partial(encryption.see, config))

    def read() -> index.Index | None:
        # After it was seen: a keyring that waits for its password is to be asked once.
        seen = encrypting.meanwhile(_KEY_S)
        return index.read(config) if seen is not None and seen.opens else index.Index(closed=True)

    reading = Shared(read)

    def look_at_encryption() -> Iterator[Verdict]:
        return encryption.judge(encrypting.needed())

    def look_at_memory() -> Iterator[Verdict]:
        seen = encrypting.meanwhile(_KEY_S)
        return iter(()) if seen is None else memory.look(config, seen)

    def look_at_index() -> Iterator[Verdict]:
        return index.judge(reading.needed(), path / FILE_NAME, time.time())

    def look_at_disk() -> Iterator[Verdict]:
        return place.look_at_disk(config, index.needed_bytes(reading.meanwhile(_MEANWHILE_S)))

    yield Check("Data", "data directory", partial(place.look_at_directory, path, config.log.file))
    yield Check("Data", "disk space", look_at_disk)
    yield Check("Data", "encryption", look_at_encryption, _KEY_S, _KEYRING)
    yield Check("Data", "memory folder", look_at_memory)
    yield Check("Data", "index", look_at_index, _INDEX_S)
    clock = partial(place.look_at_clock, config, program.installed_file())
    yield Check("Data", "clock", clock)
    yield Check("Folders", "folder", partial(_look_at_folders, config, reading), _INDEX_S)


def _look_at_folders(config: Config, reading: Shared[Index | None]) -> Iterator[Verdict]:
    from prismd.cli.doctor import folders
    from prismd.store.database import FILE_NAME

    found = reading.meanwhile(_MEANWHILE_S)
    if (found is None or found.held is None) and (config.data_dir / FILE_NAME).exists():
        return folders.look(config, None)
    return folders.look(config, found.roots if found is not None else ())


def _of_the_models(config: Config, *, verify: bool) -> Iterator[Check]:
    from prismd.cli.doctor import index, models, tesseract

    def look_at_models() -> Iterator[Verdict]:
        return models.look(config, fresh=index.is_fresh(config), anew=verify)

    yield Check("Models", "models", look_at_models, _MODELS_S)
    yield Check("Models", "text recognition", partial(tesseract.look, config))


def _of_the_daemon(context: Context, config: Config) -> Iterator[Check]:
    from prismd.cli.doctor import daemon, desktop, service
    from prismd.cli.service import service_manager
    from prismd.running import find_waiting

    asking = Shared(lambda: service_manager(context, config).standing())

    def look_at_service() -> Iterator[Verdict]:
        standing = asking.needed()
        yield from service.judge(standing)
        yield from service.judge_boot(standing, config)

    def look_at_daemon() -> Iterator[Verdict]:
        found = daemon.find(config.data_dir)
        if found.state != "away":
            return daemon.judge(found)
        if (held := find_waiting(config.data_dir)) is not None:
            return iter((service.judge_key_wait(held),))
        standing = asking.meanwhile(_SERVICE_S)
        waiting = service.judge_waiting(standing, config) if standing is not None else None
        if waiting is not None:
            return iter((waiting,))
        return daemon.look_at_port(config, asks=standing is not None and not standing.listens)

    yield Check("Daemon", "daemon", look_at_daemon)
    yield Check("Daemon", "service", look_at_service, _SERVICE_S, _MANAGER)
    yield Check("Desktop", "tray icon", desktop.look)
