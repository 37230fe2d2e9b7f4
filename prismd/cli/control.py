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
        click.echo(
            f"folder     {plain(root['path'])} ({root['state']}, {counted(root['files'], 'file')})"
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


def _needs_no_daemon(context: Context) -> None:
    from prismd.errors import RequestError

    if context.running():
        raise RequestError(
            "prismd is running; stop it first, or name the folder in the configuration"
        )


@click.command("add")
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path))
@pass_context
def add_command(context: Context, folder: Path) -> None:
    """Watch FOLDER from the next start on."""
    _needs_no_daemon(context)
    from prismd.store import files

    path = os.path.realpath(folder)
    with context.prism(writable=True) as prism:
        prism.database.write(lambda c: files.add_root(c, path, "command"))
    click.echo(f"{path}: will be indexed by 'prismd run' or 'prismd index'.")


@click.command("remove")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_context
def remove_command(context: Context, folder: Path) -> None:
    """Forget FOLDER and what was read from it; the files themselves are not touched."""
    _needs_no_daemon(context)
    from prismd.errors import ConfigError
    from prismd.store import files

    path = os.path.realpath(folder)
    if any(os.path.realpath(named.path) == path for named in context.config.folders):
        raise ConfigError(f"{path}: is named in {context.config.file}; take it out there")
    context.need_index()
    with context.prism(writable=True) as prism:
        for root in prism.database.read(files.roots):
            if root.path == path:
                prism.database.write(lambda c, id_=root.id: files.remove_root(c, id_))  # type: ignore[misc]
                prism.ingest.finish()
                click.echo(f"{path}: forgotten.")
                return
        raise ConfigError(f"{path}: is not watched; 'prismd status' lists the folders")
