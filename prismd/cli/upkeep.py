"""``token``, ``check``, ``backup`` and ``reindex``."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from prismd.cli.context import Context, checked, json_option, pass_context, print_json
from prismd.wording import counted


@click.command("token", short_help="Print the access token, or let the browser in.")
@click.option(
    "--open", "open_page", is_flag=True, help="Let this computer's browser in, by a link."
)
@pass_context
def token_command(context: Context, open_page: bool) -> None:
    """Print the token that requests need, or let the browser in by a link that works once."""
    from prismd.access import read_token

    if not open_page:
        click.echo(read_token(context.config.data_dir))
        return
    with context.daemon() as daemon:
        url = checked(daemon.post("/login-link"))["url"]
    browser = _browser()
    if browser is None:
        click.echo(f"Open this in a browser of this computer:\n{url}")
    else:
        click.echo(f"Opening {url}")
    click.echo("The link works once, within a minute.")
    if browser is not None and not browser.open(url):
        click.echo("No browser could be started: open the link yourself.", err=True)


def _browser() -> webbrowser.BaseBrowser | None:
    """What shows pages here; None where nothing does, such as in a container or by ssh."""
    screened = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform == "linux" and not screened and not os.environ.get("BROWSER"):
        return None
    try:
        return webbrowser.get()
    except webbrowser.Error:
        return None


@click.command("check", short_help="Verify the index, and mend it.")
@click.option("--repair/--no-repair", default=True, help="Make again what can be made again.")
@json_option
@pass_context
@click.pass_context
def check_command(ctx: click.Context, context: Context, repair: bool, as_json: bool) -> None:
    """Verify the index; ends with 1 when something is wrong that could not be mended."""
    from prismd.errors import StoreError
    from prismd.store.check import check
    from prismd.store.faults import is_damage

    context.need_index()
    # A running daemon holds the write lock: then look, and mend nothing.
    writable = repair and not context.running()
    try:
        with context.database(writable=writable) as database:
            findings = check(database, repair=writable)
    except StoreError as error:
        if not is_damage(error):
            raise
        raise StoreError(
            f"{error}; where 'prismd check' cannot mend it, restore a backup, or delete the file"
            " and run 'prismd index' to make it anew"
        ) from error
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            state = "mended" if finding.repaired else "not mended"
            click.echo(f"{finding.what}: {finding.count} ({state})")
        click.echo("All is well." if not findings else f"{counted(len(findings), 'finding')}.")
    if any(not finding.repaired for finding in findings):
        ctx.exit(1)


@click.command("backup", short_help="Copy the index, also while prismd runs.")
@click.argument(
    "destination",
    type=click.Path(path_type=Path),
    help="A file that is not there yet, or the folder for it.",
)
@pass_context
def backup_command(context: Context, destination: Path) -> None:
    """Copy the index to DESTINATION, consistently, while prismd runs."""
    from prismd.store.check import backup

    with context.database(writable=False) as database:
        size = backup(database, destination)
        locked = ", encrypted with the key of the index" if database.encrypted else ""
    click.echo(f"{destination}: {size / 1e6:.1f} MB written{locked}")


@click.command("reindex", short_help="Read files anew after a change of settings or of prismd.")
@click.option("--stale", "only_stale", is_flag=True, help="Redo what settings or upgrades changed.")
@click.option("--all", "everything", is_flag=True, help="Redo everything.")
@pass_context
def reindex_command(context: Context, only_stale: bool, everything: bool) -> None:
    """Read files anew, because a setting or prismd itself has changed."""
    if only_stale == everything:
        raise click.UsageError("say what is to be read anew: --stale or --all")
    if context.running():
        with context.daemon() as daemon:
            count = checked(daemon.post("/reindex", json={"everything": everything}))["queued"]
        click.echo(f"{counted(count, 'file')} queued; the running prismd reads them now.")
        return
    context.need_index()
    with context.prism(writable=True) as prism:
        count = prism.reindex(everything=everything)
    click.echo(f"{counted(count, 'file')} queued; 'prismd index' or 'prismd run' reads them.")
