"""``index`` beside a running daemon: the daemon makes the pass, and it is followed to its end."""

from __future__ import annotations

import contextlib
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prismd.cli.context import Context, checked
from prismd.cli.terminal import plain
from prismd.errors import PrismdError
from prismd.wording import counted

if TYPE_CHECKING:
    import httpx

_POLL_S = 0.2
_OVERRIDE_S = 10.0
"""For so long the daemon goes against its schedule, should this process be killed."""
_RENEWED_S = 2.0
_WORKS = ("ready", "loaded", "remote")
"""States of a model that can do its work."""


def index_by_daemon(context: Context, folders: tuple[Path, ...], quiet: bool) -> None:
    """Have the daemon look through its folders, and wait until all that it finds is read.

    Raises:
        PrismdError: Something is left undone, and why.
    """
    from prismd.watch.folders import need_utf8

    with context.daemon() as daemon:
        status = checked(daemon.get("/status"))
        watched = [Path(root["path"]) for root in status["roots"]]
        for folder in map(Path.resolve, folders):
            need_utf8(str(folder))
            if not any(folder.is_relative_to(root) for root in watched):
                checked(daemon.post("/roots", json={"path": str(folder)}))
        if not quiet and (held := status["paused"]) is not None and held["by"] == "schedule":
            click.echo(f"note: going on against [schedule]: {plain(held['why'])}", err=True)
        with _against_schedule(daemon) as go_on:
            checked(daemon.post("/rescan"))
            if not quiet:
                click.echo("The running prismd is looking through its folders.")

            def look() -> Any:
                go_on()
                return checked(daemon.get("/status"))

            follow_to_end(look, quiet)


@contextlib.contextmanager
def _against_schedule(daemon: httpx.Client) -> Iterator[Callable[[], None]]:
    """A pass that a person asks for is made now; a pause that a person asked for stands.

    Gives what is to be called every now and then as long as that is so.
    """
    import httpx

    name, due_s = uuid.uuid4().hex, 0.0

    def renew() -> None:
        nonlocal due_s
        if time.monotonic() >= due_s:
            checked(daemon.post("/override", json={"name": name, "for_s": _OVERRIDE_S}))
            due_s = time.monotonic() + _RENEWED_S

    renew()
    try:
        yield renew
    finally:
        with contextlib.suppress(httpx.HTTPError, PrismdError):  # then it ends by itself
            checked(daemon.post("/override", json={"name": name, "for_s": 0}))


def follow_to_end(status: Callable[[], Any], quiet: bool) -> None:
    """Wait until a daemon has nothing left to do, and say what it could not.

    Args:
        status: Asks for its status.
        quiet: Say only what is amiss.

    Raises:
        PrismdError: Something is left undone, and why.
    """
    from prismd.cli.summary import say_waiting
    from prismd.store.obstacles import Waiting

    now = _at_end(status, on_terminal=sys.stderr.isatty() and not quiet)
    if held_up := "; ".join(filter(None, (*_not_looked_through(now), undone(now)))):
        raise PrismdError(held_up)
    for root in now["roots"]:
        if root["state"] in ("starting", "offline"):
            click.echo(f"{plain(root['path'])}: {plain(root['detail'])}", err=True)
    say_waiting([Waiting(**waiting) for waiting in now["waiting"]])
    if not quiet:
        click.echo("Up to date.")


def _at_end(status: Callable[[], Any], *, on_terminal: bool) -> Any:
    """The status once nothing is left to do, or nothing can be done."""
    while True:
        now = status()
        if on_terminal:
            _show(now)
        _raise_fault(now)
        # A paused prismd looks, too: only then is known what is left.
        if not now["looking"] and now["state"] in ("idle", "paused"):
            break
        time.sleep(_POLL_S)
    if on_terminal:
        click.echo(err=True)
    return now


def _show(now: Any) -> None:
    total = now["files"]["total"]
    click.echo(
        f"\r{total - now['left']} of {total} files,"
        f" {now['passages_embedded']} of {now['passages']} passages embedded ",
        nl=False,
        err=True,
    )


def _raise_fault(now: Any) -> None:
    from prismd.progress.trouble import NEEDED

    for fault in now["faults"]:
        if fault["part"] in NEEDED:
            raise PrismdError(fault["message"])


def _not_looked_through(status: Any) -> list[str]:
    """The folders in which there may be more to read, and why nobody knows."""
    return [f"{root['path']}: {root['detail']}" for root in status["roots"] if root["failing"]]


def undone(status: Any) -> str:
    """What a pause keeps a pass from doing, and what goes on with it; empty where nothing is."""
    if (held := status["paused"]) is None:
        return ""
    lacking = status["passages"] - status["passages_embedded"]
    if left := status["left"]:
        what = f"{counted(left, 'file')} still to be read"
    elif lacking and status["models"]["embedding"]["state"] in _WORKS:
        what = f"{counted(lacking, 'passage')} still to be embedded"
    else:
        return ""
    command = "prismd resume" if held["by"] == "you" else "prismd resume --now"
    return f"{what}, and prismd is paused; '{command}' goes on"
