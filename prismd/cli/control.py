"""``status``, ``pause``, ``resume``, ``retry``, ``add`` and ``remove``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from prismd.cli.context import Context, checked, json_option, pass_context, print_json
from prismd.cli.terminal import counted, plain
from prismd.domain import FileState
from prismd.place import progress_in_words
from prismd.timing import duration


@click.command("status")
@json_option
@pass_context
def status_command(context: Context, as_json: bool) -> None:
    """Say what prismd is doing, and what its index holds."""
    running = context.running()
    with context.client() as client:
        status = checked(client.get("/status"))
    if as_json:
        print_json({**status, "running": running})
        return
    _print_status(status, running)


def _print_status(status: dict[str, Any], running: bool) -> None:
    click.echo(f"prismd {status['version']}: {status['state'] if running else 'not running'}")
    files = status["files"]
    click.echo(
        f"files      {files['total']} in all"
        + "".join(f", {files[key]} {key}" for key in files if key != "total" and files[key])
    )
    click.echo(
        f"passages   {status['passages']}, {status['passages_embedded']} embedded;"
        f" index {status['index_bytes'] / 1e6:.1f} MB"
    )
    if status["fault"]:
        click.echo(click.style(f"fault      {status['fault']}", fg="red"))
    for item in status["current"]:
        told = progress_in_words(item["stage"], item["done"], item["total"])
        click.echo(f"now        {plain(item['path'])} ({told})")
    if status.get("eta_s"):
        click.echo(f"time left  {duration(status['eta_s'])}")
    for root in status["roots"]:
        detail = f"; {root['detail']}" if root.get("detail") else ""
        click.echo(
            f"folder     {plain(root['path'])} ({root['state']},"
            f" {counted(root['files'], 'file')}{detail})"
        )
    for role, model in status["models"].items():
        detail = f": {model['detail']}" if model["detail"] else ""
        click.echo(f"{role:11}{model['name']} ({model['state']}{detail})")
    for stale in status["stale"]:
        click.echo(
            f"stale      {stale['count']} {stale['what']} {stale['why']}; '{stale['command']}'"
        )


@click.command("pause")
@pass_context
def pause_command(context: Context) -> None:
    """Start no more indexing until 'prismd resume'; questions are answered all the same."""
    with context.daemon() as daemon:
        checked(daemon.post("/pause"))
    click.echo("Paused.")


@click.command("resume")
@pass_context
def resume_command(context: Context) -> None:
    """Go on indexing."""
    with context.daemon() as daemon:
        checked(daemon.post("/resume"))
    click.echo("Resumed.")


@click.command("retry")
@click.option(
    "--skipped", is_flag=True, help="The skipped ones, too: after a limit was raised, say."
)
@pass_context
def retry_command(context: Context, skipped: bool) -> None:
    """Queue the files that failed once more."""
    states: tuple[FileState, ...] = ("failed", "quarantined")
    states += ("skipped",) if skipped else ()
    if context.running():
        with context.daemon() as daemon:
            count = checked(daemon.post("/retry", json={"states": states}))["queued"]
    else:
        from prismd.store import jobs

        context.need_index()
        with context.prism(writable=True) as prism:
            count = prism.database.write(lambda c: jobs.retry(c, states))
    click.echo(f"{counted(count, 'file')} queued.")


@click.command("add")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@pass_context
def add_command(context: Context, folder: Path) -> None:
    """Watch FOLDER from now on, or from the next start on."""
    path = os.path.realpath(folder)
    if context.running():
        with context.daemon() as daemon:
            checked(daemon.post("/roots", json={"path": path}))
        click.echo(f"{path}: watched from now on; 'prismd status' shows how far it is.")
        return
    from prismd.folders import add_root

    with context.prism(writable=True) as prism:
        add_root(prism.database, folder)
    click.echo(f"{path}: will be indexed by 'prismd run' or 'prismd index'.")


@click.command("remove")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_context
def remove_command(context: Context, folder: Path) -> None:
    """Forget FOLDER and what was read from it; the files themselves are not touched."""
    path = os.path.abspath(folder)  # noqa: PTH100 - one that is away cannot be resolved
    if context.running():
        with context.daemon() as daemon:
            count = checked(daemon.delete("/roots", params={"path": path}))["files"]
    else:
        from prismd.folders import forget, removable

        context.need_index()
        with context.prism(writable=True) as prism:
            root = removable(prism.database, Path(path), prism.configured())
            count = forget(prism.database, root)
            prism.ingest.finish()
    click.echo(f"{path}: forgotten, with {counted(count, 'file')}.")
