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
    from prismd.folders import need_utf8

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

            _follow(look, quiet)


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


def _follow(status: Callable[[], Any], quiet: bool) -> None:
    from prismd.cli.summary import say_waiting
    from prismd.store.obstacles import Waiting

    on_terminal = sys.stderr.isatty() and not quiet
    while True:
        now = status()
        if on_terminal:
            total = now["files"]["total"]
            click.echo(
                f"\r{total - _left(now)} of {total} files,"
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
        if root["state"] in ("starting", "offline"):
            click.echo(f"{plain(root['path'])}: {plain(root['detail'])}", err=True)
    say_waiting([Waiting(**waiting) for waiting in now["waiting"]])
    if not quiet:
        click.echo("Up to date.")


def undone(status: Any) -> str:
    """What a pause keeps a pass from doing, and what goes on with it; empty where nothing is."""
    if (held := status["paused"]) is None:
        return ""
    lacking = status["passages"] - status["passages_embedded"]
    if left := _left(status):
        what = f"{counted(left, 'file')} still to be read"
    elif lacking and status["models"]["embedding"]["state"] in _WORKS:
        what = f"{counted(lacking, 'passage')} still to be embedded"
    else:
        return ""
    command = "prismd resume" if held["by"] == "you" else "prismd resume --now"
    return f"{what}, and prismd is paused; '{command}' goes on"


def _left(status: Any) -> int:
    """How many files are still to be read, and can be."""
    waiting = sum(waiting["files"] for waiting in status["waiting"])
    return max(0, int(status["files"]["pending"] + status["files"]["processing"] - waiting))
