"""``retry``, ``add`` and ``remove``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from prismd.cli.completing import complete_root
from prismd.cli.context import Context, checked, pass_context
from prismd.domain import FileState
from prismd.wording import counted


@click.command("retry")
@click.option(
    "--skipped", is_flag=True, help="The skipped ones, too: after a limit was raised, say."
)
@pass_context
def retry_command(context: Context, skipped: bool) -> None:
    """Queue the files that failed once more."""
    states: tuple[FileState, ...] = ("failed", "quarantined")
    states += ("skipped",) if skipped else ()
    told = ""
    if context.running():
        with context.daemon() as daemon:
            count = checked(daemon.post("/retry", json={"states": states}))["queued"]
    else:
        from prismd.store import jobs

        context.need_index()
        with context.prism(writable=True) as prism:
            count = prism.database.write(lambda c: jobs.retry(c, states))
        told = "; 'prismd index' or 'prismd run' reads them" if count else ""
    click.echo(f"{counted(count, 'file')} queued{told}.")


@click.command("add", short_help="Watch one more folder.")
@click.argument(
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="What to read, with all that is below.",
)
@pass_context
def add_command(context: Context, folder: Path) -> None:
    """Watch FOLDER from now on, or from the next start on."""
    from prismd.watch.folders import add_root, need_utf8

    path = os.path.realpath(folder)
    need_utf8(path)
    if context.running():
        with context.daemon() as daemon:
            checked(daemon.post("/roots", json={"path": path}))
        click.echo(f"{path}: watched from now on; 'prismd status' shows how far it is.")
        return
    with context.prism(writable=True) as prism:
        add_root(prism.database, folder)
    click.echo(f"{path}: will be indexed by 'prismd run' or 'prismd index'.")


@click.command("remove", short_help="Forget a folder; its files are not touched.")
@click.argument(
    "folder",
    type=click.Path(path_type=Path),
    shell_complete=complete_root,
    help="A watched folder, whether it is there or not.",
)
@pass_context
def remove_command(context: Context, folder: Path) -> None:
    """Forget FOLDER and what was read from it; the files themselves are not touched."""
    from prismd.watch.folders import forget, need_utf8, removable

    path = os.path.abspath(folder)  # noqa: PTH100 - one that is away cannot be resolved
    need_utf8(path)
    if context.running():
        with context.daemon() as daemon:
            count = checked(daemon.delete("/roots", params={"path": path}))["files"]
    else:
        context.need_index()
        with context.prism(writable=True) as prism:
            root = removable(prism.database, Path(path), prism.configured())
            count = forget(prism.database, root)
            prism.ingest.finish()
    click.echo(f"{path}: forgotten, with {counted(count, 'file')}.")
