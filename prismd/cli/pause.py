"""``pause`` and ``resume``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from prismd.cli.context import Context, checked, pass_context
from prismd.cli.terminal import plain

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_S = 366 * 86_400


class _Duration(click.ParamType[float]):
    """Such as ``15m`` or ``1h30m``, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value).replace(" ", "").lower()
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
        if "".join(map("".join, parts)) != text or not 0 < seconds <= _LONGEST_S:
            self.fail(f"{value!r} is not a time; give one such as 15m, 1h30m or 2d", param, ctx)
        return seconds


@click.command("pause", short_help="Start no more indexing until it is resumed.")
@click.option("--for", "for_s", type=_Duration(), help="Go on by itself after 15m, 1h30m, 2d …")
@pass_context
def pause_command(context: Context, for_s: float | None) -> None:
    """Start no more indexing until 'prismd resume'; questions are answered all the same."""
    with context.daemon() as daemon:
        switched = checked(daemon.post("/pause", json={"for_s": for_s}))
    held = switched["paused"] or {}
    click.echo(f"Paused until {moment(held['until'])}." if held.get("until") else "Paused.")
    _say_note(switched)


@click.command("resume")
@click.option("--now", is_flag=True, help="Even if [schedule] has something against it.")
@pass_context
def resume_command(context: Context, now: bool) -> None:
    """Go on indexing."""
    with context.daemon() as daemon:
        switched = checked(daemon.post("/resume", json={"override": now}))
    if (held := switched["paused"]) is not None:
        click.echo(
            f"[schedule] holds indexing back: {held['why']}.\n"
            "'prismd resume --now' goes on all the same."
        )
    elif switched["overridden"]:
        click.echo(f"Resumed, against [schedule]: {'; '.join(switched['overridden'])}.")
    else:
        click.echo("Resumed.")
    _say_note(switched)


def _say_note(switched: dict[str, Any]) -> None:
    """Say what keeps a switch from outliving a restart."""
    if switched["note"]:
        click.echo(f"note: {plain(switched['note'])}", err=True)


def hold_in_words(status: dict[str, Any]) -> Iterator[str]:
    """What of a status says whether, and why, indexing is held back."""
    held = status["paused"]
    if held is not None and held["by"] == "you":
        until = f"until {moment(held['until'])}" if held["until"] else "until you resume"
        yield f"paused     by you, {until}; 'prismd resume' goes on"
    elif held is not None:
        yield f"paused     by [schedule]: {held['why']}; 'prismd resume --now' goes on all the same"
    if status["overridden"]:
        yield f"schedule   overridden as long as this lasts: {'; '.join(status['overridden'])}"


def moment(at: float) -> str:
    """A time in the future, in local time, with its day where that is not today."""
    local, now = datetime.fromtimestamp(at), datetime.now()
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"
