"""``encrypt``, ``decrypt`` and ``key``: an index that nobody reads without its key."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prismd.cli.context import Context, pass_context
from prismd.errors import PrismdError, StoreError, StoreLocked

if TYPE_CHECKING:
    from prismd.encryption.key import Key
    from prismd.encryption.key_places import KeyPlace

_UNITS = 1000


@click.command("encrypt", short_help="Encrypt the index.")
@pass_context
def encrypt_command(context: Context) -> None:
    """Encrypt the index; prismd must not run meanwhile.

    The key is made now, and kept where [storage] says. What was readable before is overwritten:
    the old index, its backups of before an upgrade, and the log files.
    """
    from prismd.daemon.unlocking import key_place
    from prismd.encryption.key import Key
    from prismd.store import cipher, conversion

    with _alone(context) as path:
        place = key_place(context.config)
        if cipher.state(path) == "encrypted":
            conversion.finish(path)
            _clear(context)
            click.echo(f"{path}: is encrypted already")
            return
        if (key := place.read()) is None:
            key = Key.fresh()
            place.keep(key)
        alone = _convert(path, None, key, lambda: _clear(context))
        conversion.finish(path)
    click.echo(
        f"{path}: is encrypted. Its key is in {place}; 'prismd key show' prints it. Keep it"
        " elsewhere too: without it nobody can read the index. Your own files are as they were,"
        " and 'prismd index' can make a new index of them at any time."
    )
    if not context.config.storage.encryption:
        click.echo("Set [storage] encryption = true, so that a new index is encrypted as well.")
    if not alone:
        click.echo("note: the old file has another name (a hard link), and is readable by that.")
    click.echo(
        "What was there before is overwritten. What disks keep of it all the same (spare blocks of"
        " flash memory, snapshots) and copies elsewhere (backups, the system's log) are not."
    )


@click.command("decrypt", short_help="Make an encrypted index readable without a key.")
@pass_context
def decrypt_command(context: Context) -> None:
    """Make an encrypted index readable without a key; prismd must not run meanwhile."""
    from prismd.daemon.unlocking import key_of, key_place
    from prismd.store import cipher

    with _alone(context) as path:
        if cipher.state(path) == "plain":
            click.echo(f"{path}: is not encrypted")
            return
        place = key_place(context.config)
        _convert(path, key_of(path, place), None)
    click.echo(
        f"{path}: is no longer encrypted. The key stays in {place}: backups may still need it."
    )
    if context.config.storage.encryption:
        click.echo("Set [storage] encryption = false, or prismd will not open it.")


@click.group("key")
def key_command() -> None:
    """Show, put back or change the key of an encrypted index."""


@key_command.command("show", short_help="Print the key, to be kept elsewhere too.")
@pass_context
def show_command(context: Context) -> None:
    """Print the key, to be kept where the index is not; whoever has both can read it."""
    from prismd.daemon.unlocking import key_place
    from prismd.store import cipher
    from prismd.store.database import FILE_NAME

    place, path = key_place(context.config), context.config.data_dir / FILE_NAME
    key = place.read()
    # Of a change that was cut short, the next key may be the one that opens the index.
    following = place.read_next()
    if following is not None and cipher.state(path) == "encrypted":
        key = following if cipher.opens(path, following) else key
    if key is None:
        raise StoreError(f"there is no key in {place}; 'prismd encrypt' makes one")
    click.echo(key.text)


@key_command.command("restore", short_help="Put back a key that was kept elsewhere.")
@pass_context
def restore_command(context: Context) -> None:
    """Put back a key that was kept elsewhere; it is asked for, or read from a pipe."""
    from prismd.daemon.unlocking import key_place
    from prismd.encryption.key import Key
    from prismd.store import cipher
    from prismd.store.database import FILE_NAME

    interactive = sys.stdin.isatty()
    text = click.prompt("Key", hide_input=True) if interactive else sys.stdin.readline()
    try:
        key = Key.parse(text)
    except ValueError:
        raise click.UsageError("that is no key: it has 64 hexadecimal digits") from None
    path = context.config.data_dir / FILE_NAME
    if cipher.state(path) in ("encrypted", "unknown") and not cipher.opens(path, key):
        raise StoreError(
            f"{path}: this key does not open it: it is that of another index, or the file is"
            " damaged; nothing was changed"
        )
    place = key_place(context.config)
    place.keep(key)
    click.echo(f"The key is in {place}.")


@key_command.command("change")
@pass_context
def change_command(context: Context) -> None:
    """Give the index a new key; prismd must not run meanwhile.

    Backups that were made before need the old key: 'prismd key show' prints it, before.
    """
    from prismd.daemon.unlocking import key_of, key_place
    from prismd.encryption.key import Key
    from prismd.store import cipher, conversion

    with _alone(context) as path:
        if cipher.state(path) == "plain":
            raise StoreError(f"{path}: is not encrypted; 'prismd encrypt' does that")
        place = key_place(context.config)
        old, new = key_of(path, place), Key.fresh()
        place.keep_next(new)
        _convert(path, old, new)
        _promote(path, place, new)
        for backup in conversion.backups(path):
            backup.unlink()
    click.echo(f"{path}: has a new key, which is in {place}; 'prismd key show' prints it.")


def _promote(path: Path, place: KeyPlace, new: Key) -> None:
    """Keep the key that the index has by now; where that fails, see that it is not lost.

    Raises:
        PrismdError: It could not be kept in its place.
    """
    try:
        place.promote(new)
    except PrismdError as error:
        if _is_next(place, new):
            raise StoreError(
                f"{path}: has a new key, which {place} holds as the next one only ({error}); mend"
                " that: whatever opens the index then, such as 'prismd check', puts it in its place"
            ) from error
        raise StoreError(
            f"{path}: has a new key, which could not be kept ({error}). It is {new.text}: note it"
            " down now, and give it to 'prismd key restore'; without it the index cannot be read"
        ) from error


def _is_next(place: KeyPlace, key: Key) -> bool:
    try:
        return place.read_next() == key
    except PrismdError:
        return False


@contextlib.contextmanager
def _alone(context: Context) -> Iterator[Path]:
    """The index, with nobody else to write it."""
    from prismd.store import faults
    from prismd.store.database import FILE_NAME, take_lock

    context.need_index()
    data_dir = context.config.data_dir
    path = data_dir / FILE_NAME
    _refuse_waiting(context)
    try:
        with faults.told(path):
            lock = take_lock(data_dir)
    except StoreLocked as error:
        raise StoreLocked(
            f"{data_dir}: another prismd is using it; end it first, by Ctrl-C where it was"
            " started, or by 'prismd service stop'"
        ) from error
    try:
        yield path
    finally:
        os.close(lock)


def _refuse_waiting(context: Context) -> None:
    """A service that a request starts in the middle fails again and again, and is given up.

    Raises:
        PrismdError: There is one, for this very index.
    """
    from prismd.cli.service import service_manager

    try:
        standing = service_manager(context, context.config).standing()
    except PrismdError:  # nobody can be asked; the lock keeps it out in any case
        return
    if standing.state == "waiting" and not standing.is_outdated:
        raise PrismdError(
            "the service waits for a request, which would start it in the middle; first"
            " 'prismd service stop', and afterwards 'prismd service start'"
        )


def _convert(
    path: Path, old: Key | None, new: Key | None, clear: Callable[[], None] = lambda: None
) -> bool:
    from prismd.store.conversion import convert

    with click.progressbar(length=_UNITS, label="Copying", file=sys.stderr) as bar:
        alone = convert(path, old, new, _filling(bar.update), clear)
        bar.update(_UNITS - bar.pos)
    return alone


def _filling(update: Callable[[int], None]) -> Callable[[float], None]:
    shown = 0

    def tell(share: float) -> None:
        nonlocal shown
        wanted = int(share * _UNITS)
        if wanted > shown:
            update(wanted - shown)
            shown = wanted

    return tell


def _clear(context: Context) -> None:
    """Remove what names files and folders in plain words: old logs, and what was in hand."""
    from prismd.daemon.parameters import slots_dir
    from prismd.disk.source import clear_held
    from prismd.store.conversion import wipe

    config = context.config
    shutil.rmtree(slots_dir(config), ignore_errors=True)
    clear_held(config.data_dir)
    for log in _logs(context):
        wipe(log)
        click.echo(f"{log}: overwritten and removed, for it names files")


def _logs(context: Context) -> list[Path]:
    """The logs that prismd has written as a service, started by the tray, or by hand."""
    from prismd.cli.service import service_manager
    from prismd.daemon.logs import rotated
    from prismd.tray.power import logs_in

    config = context.config
    named = {*service_manager(context, config).log_files(), *logs_in(config.data_dir)}
    if config.log.file is not None:
        named.add(config.log.file)
    return sorted(log for name in named for log in rotated(name))
