"""``history``: what was searched and asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from prismd.cli.context import Context, checked, json_option, pass_context, print_json
from prismd.cli.terminal import preview
from prismd.wording import counted


@click.command("history", short_help="Show what was searched and asked.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, help="How many lines.")
@click.option("--clear", is_flag=True, help="Forget everything that was searched and asked.")
@json_option
@pass_context
def history_command(context: Context, limit: int, clear: bool, as_json: bool) -> None:
    """Show what was searched and asked; [search] history = false keeps nothing."""
    if clear:
        count = _clear(context)
        if as_json:
            print_json({"deleted": count})
        else:
            click.echo(f"Searches and questions forgotten: {count:,}.")
        return
    with context.client() as client:
        found = checked(client.get("/search/history", params={"limit": limit}))
    if as_json:
        print_json(found)
        return
    for entry in found["data"]:
        click.echo(_line(entry))
    if not found["data"]:
        click.echo("Nothing was searched or asked.")
    if not found["kept"]:
        where = "on the web page" if found["allowed"] else "by [search] history"
        click.echo(f"Nothing is added: it is switched off {where}.", err=True)


def _line(entry: dict[str, Any]) -> str:
    moment = datetime.fromisoformat(entry["asked_at"]).astimezone()
    outcome = entry["grounding"] or counted(entry["hits"], "hit")
    asked = entry["query"] or f"like a {'picture' if entry['example'] == 'image' else 'recording'}"
    return f"{moment:%Y-%m-%d %H:%M}  {entry['kind']:<6}  {preview(asked)}  ({outcome})"


def _clear(context: Context) -> int:
    if context.running():
        with context.daemon() as daemon:
            return int(checked(daemon.delete("/search/history"))["deleted"])
    from prismd.search.history import History, HistorySettings

    context.need_index()
    with context.database(writable=True) as database:
        return History(database, HistorySettings()).clear()
