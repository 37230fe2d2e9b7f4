"""``run`` and ``index``: the daemon in the foreground, and one pass with a progress bar."""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prismd.cli.context import Context, pass_context
from prismd.cli.unattended import unattended
from prismd.errors import PrismdError

if TYPE_CHECKING:
    from prismd.watch import Sweep

_POLL_S = 0.2
_FOLDERS = click.argument(
    "folders",
    nargs=-1,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="What to read, with all that is below.",
)


def _attend(ctx: click.Context, _: click.Parameter, attended: bool) -> None:
    """Heed that the tray has started it, which shows its user what ends it."""
    ctx.obj.attended = attended


@click.command("run", short_help="Keep the index up to date, and answer over HTTP.")
@_FOLDERS
@click.option("--port", type=int, help="The port to listen on.")
@click.option("--patient", is_flag=True, help="Wait for the key of an encrypted index.")
@click.option(
    "--attended",
    is_flag=True,
    hidden=True,
    expose_value=False,
    callback=_attend,
    help="What it writes to standard error is shown to a person.",
)
@pass_context
@unattended
def run_command(
    context: Context, folders: tuple[Path, ...], port: int | None, patient: bool
) -> None:
    """Index FOLDERS, and those known already, and answer over HTTP until Ctrl-C.

    FOLDERS are watched at every later start, too, until 'prismd remove'.

    Where the index is encrypted and its key cannot be had, as long as the keyring is locked or the
    stick with the key not plugged in, it says so and ends; with --patient, as a service, it waits.
    """
    from prismd.daemon.hangup import Signals

    signals = Signals()  # before all that takes time
    context.set(folders=list(folders) or None, server__port=port)
    from prismd.cli.welcome import greet
    from prismd.daemon.lifetime import run
    from prismd.store.database import FILE_NAME

    first = not (context.config.data_dir / FILE_NAME).exists()
    run(
        context.config,
        context.read_config,
        signals,
        lambda prism: greet(context, prism, first=first),
        patient=patient,
    )


@click.command("index", short_help="Bring the index up to date, then exit.")
@_FOLDERS
@click.option("--quiet", is_flag=True, help="No progress bar.")
@pass_context
def index_command(context: Context, folders: tuple[Path, ...], quiet: bool) -> None:
    """Bring the index of FOLDERS, and of those known already, up to date, then exit."""
    context.set(folders=list(folders) or None)
    if context.running():
        from prismd.cli.index_by_daemon import index_by_daemon

        index_by_daemon(context, folders, quiet)
    else:
        _index_here(context, quiet)


def _index_here(context: Context, quiet: bool) -> None:
    from prismd.cli.bar import IndexBar
    from prismd.cli.summary import say_waiting, summarise
    from prismd.disk.looking import heed_writers
    from prismd.ingest import crew, pictures, reading
    from prismd.progress import trouble
    from prismd.store import files, jobs, obstacles

    heed_writers()
    # What fails is told at the end, and what keeps everything from going on ends the command;
    # of the log only faults of our own are left, which have a trace to report.
    for module in (crew, pictures, reading, trouble):
        logging.getLogger(module.__name__).addFilter(lambda record: record.exc_info is not None)
    with _stoppable(), context.prism(writable=True) as prism:
        prism.put_roots()
        if why := prism.models.without_meaning():
            click.echo(f"note: indexing words only, not meaning: {why}", err=True)
        started = time.monotonic()
        sweeps = [prism.sweep(root) for root in prism.database.read(files.roots)]
        _say_away(sweeps)
        prism.database.write(obstacles.overcome_all)  # each may be no more by now
        queued, _ = prism.database.read(jobs.outstanding)
        prism.ingest.start(heed_pause=False)
        with IndexBar(prism, queued, quiet=quiet) as bar:
            while not prism.ingest.idle():
                if fault := prism.progress.fault_of(*trouble.NEEDED):
                    raise PrismdError(fault)
                bar.update()
                time.sleep(_POLL_S)
            bar.update()
        prism.ingest.finish()
        if fault := prism.progress.fault_of("pictures"):
            click.echo(f"note: pictures are not found by what they show: {fault}", err=True)
        summarise(prism, sweeps, time.monotonic() - started)
        say_waiting(prism.database.read(obstacles.waiting))


def _say_away(sweeps: Sequence[Sweep]) -> None:
    for found in sweeps:
        if found.offline:
            what = "its disk does not answer" if found.silent else "is not there"
            click.echo(f"{found.root.path}: {what}; kept as it was", err=True)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turns SIGTERM into the same orderly end that Ctrl-C has, and says what that means."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Stopped. What was read is kept; 'prismd index' goes on from there.", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
