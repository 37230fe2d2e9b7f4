"""``run`` and ``index``: the daemon in the foreground, and one pass with a progress bar."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prismd.cli.context import Context, pass_context
from prismd.cli.terminal import counted, plain
from prismd.errors import PrismdError

if TYPE_CHECKING:
    import httpx

_POLL_S = 0.2
_WORKS = ("ready", "loaded", "remote")
"""States of a model that can do its work."""
_FOLDERS = click.argument(
    "folders", nargs=-1, type=click.Path(file_okay=False, exists=True, path_type=Path)
)


@click.command("run")
@_FOLDERS
@click.option("--port", type=int, help="The port to listen on.")
@pass_context
def run_command(context: Context, folders: tuple[Path, ...], port: int | None) -> None:
    """Index FOLDERS, and those known already, and answer over HTTP until Ctrl-C.

    FOLDERS are watched at every later start, too, until 'prismd remove'.
    """
    context.set(folders=list(folders) or None, server__port=port)
    from prismd.daemon import run

    run(context.config, context.read_config)


@click.command("index")
@_FOLDERS
@click.option("--quiet", is_flag=True, help="No progress bar.")
@pass_context
def index_command(context: Context, folders: tuple[Path, ...], quiet: bool) -> None:
    """Bring the index of FOLDERS, and of those known already, up to date, then exit."""
    context.set(folders=list(folders) or None)
    if context.running():
        _index_by_daemon(context, folders, quiet)
    else:
        _index_here(context, quiet)


def _index_here(context: Context, quiet: bool) -> None:
    from prismd.cli.bar import IndexBar
    from prismd.cli.summary import summarise
    from prismd.disk import heed_writers
    from prismd.store import files, jobs

    heed_writers()
    # What fails is told at the end, and what keeps everything from going on ends the command;
    # of the log only faults of our own are left, which have a trace to report.
    for module in ("embedding", "ingest", "pictures", "reading"):
        told = logging.getLogger(f"prismd.{module}")
        told.addFilter(lambda record: record.exc_info is not None)
    with _stoppable(), context.prism(writable=True) as prism:
        prism.put_roots()
        if prism.models.embedder is None:
            state = prism.models.states()["embedding"]
            click.echo(
                f"note: indexing words only: {state.name} is {state.state}; {state.detail}",
                err=True,
            )
        started = time.monotonic()
        sweeps = [prism.sweep(root) for root in prism.database.read(files.roots)]
        for found in sweeps:
            if found.offline:
                click.echo(f"{found.root.path}: is not there; kept as it was", err=True)
        queued, _ = prism.database.read(jobs.outstanding)
        prism.ingest.start(heed_pause=False)
        with IndexBar(prism, queued, quiet=quiet) as bar:
            while not prism.ingest.idle():
                if fault := prism.progress.fault_of("reading", "embedding"):
                    raise PrismdError(fault)
                bar.update()
                time.sleep(_POLL_S)
            bar.update()
        prism.ingest.finish()
        if fault := prism.progress.fault_of("pictures"):
            click.echo(f"note: pictures are not found by what they show: {fault}", err=True)
        summarise(prism, sweeps, time.monotonic() - started)


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


def _index_by_daemon(context: Context, folders: tuple[Path, ...], quiet: bool) -> None:
    from prismd.cli.context import checked
    from prismd.folders import need_utf8

    with context.daemon() as daemon:
        status = checked(daemon.get("/status"))
        watched = [Path(root["path"]) for root in status["roots"]]
        for folder in map(Path.resolve, folders):
            need_utf8(str(folder))
            if not any(folder.is_relative_to(root) for root in watched):
                checked(daemon.post("/roots", json={"path": str(folder)}))
        checked(daemon.post("/rescan"))
        _go_against_schedule(daemon, status, quiet)
        if not quiet:
            click.echo("The running prismd is looking through its folders.")
        _follow(lambda: checked(daemon.get("/status")), quiet)


def _go_against_schedule(daemon: httpx.Client, status: Any, quiet: bool) -> None:
    """A pass that a person asks for is made now; a pause that a person asked for stands."""
    from prismd.cli.context import checked

    if (held := status["paused"]) is not None and held["by"] == "schedule":
        checked(daemon.post("/resume", json={"override": True}))
        if not quiet:
            click.echo(f"note: going on against [schedule]: {held['why']}", err=True)


def _follow(status: Callable[[], Any], quiet: bool) -> None:
    on_terminal = sys.stderr.isatty() and not quiet
    while True:
        now = status()
        files = now["files"]
        left = files["pending"] + files["processing"]
        if on_terminal:
            click.echo(
                f"\r{files['total'] - left} of {files['total']} files,"
                f" {now['passages_embedded']} of {now['passages']} passages embedded ",
                nl=False,
                err=True,
            )
        if now["fault"] and now["fault"] != now["config_fault"]:
            raise PrismdError(now["fault"])
        # A paused prismd looks, too: only then is known what is left.
        if not now["looking"] and now["state"] in ("idle", "paused"):
            break
        time.sleep(_POLL_S)
    if on_terminal:
        click.echo(err=True)
    if held_up := undone(now):
        raise PrismdError(held_up)
    for root in now["roots"]:
        if root["state"] == "offline":
            click.echo(f"{plain(root['path'])}: is not there; kept as it was", err=True)
    if not quiet:
        click.echo("Up to date.")


def undone(status: Any) -> str:
    """What a pause keeps a pass from doing, and what goes on with it; empty where nothing is."""
    if (held := status["paused"]) is None:
        return ""
    files = status["files"]
    left = files["pending"] + files["processing"]
    lacking = status["passages"] - status["passages_embedded"]
    if left:
        what = f"{counted(left, 'file')} still to be read"
    elif lacking and status["models"]["embedding"]["state"] in _WORKS:
        what = f"{counted(lacking, 'passage')} still to be embedded"
    else:
        return ""
    command = "prismd resume" if held["by"] == "you" else "prismd resume --now"
    return f"{what}, and prismd is paused; '{command}' goes on"
