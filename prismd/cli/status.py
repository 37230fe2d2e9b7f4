"""``status``: how everything stands, once or for as long as it is watched."""

from __future__ import annotations

from typing import Any

import click

from prismd.cli.context import Context, checked, json_option, pass_context, print_json
from prismd.cli.pause import hold_in_words
from prismd.cli.standing import faults, in_hand, overtaken
from prismd.cli.terminal import plain
from prismd.timing import duration
from prismd.wording import counted


@click.command("status")
@click.option("--follow", is_flag=True, help="Go on telling what happens, until Ctrl-C.")
@json_option
@pass_context
def status_command(context: Context, follow: bool, as_json: bool) -> None:
    """Say what prismd is doing, and what its index holds."""
    if follow:
        from prismd.cli.following import follow_daemon

        follow_daemon(context, as_json=as_json)
        return
    running = context.running()
    with context.client() as client:
        status = checked(client.get("/status"))
    if as_json:
        print_json({**status, "running": running})
        return
    _print_status(status, running)
    if not status["roots"]:
        click.echo(f"folder     none yet; '{context.command} add FOLDER' names one")


def _print_status(status: dict[str, Any], running: bool) -> None:
    click.echo(f"prismd {status['version']}: {status['state'] if running else 'not running'}")
    for line in (*overtaken(status["version"], running), *hold_in_words(status)):
        click.echo(line)
    files = status["files"]
    click.echo(
        f"files      {files['total']} in all"
        + "".join(f", {files[key]} {key}" for key in files if key != "total" and files[key])
    )
    click.echo(
        f"passages   {status['passages']}, {status['passages_embedded']} embedded;"
        f" index {status['index_bytes'] / 1e6:.1f} MB"
    )
    for fault in faults(status):
        click.echo(click.style(f"fault      {plain(fault)}", fg="red"))
    for waiting in status["waiting"]:
        click.echo(f"waiting    {counted(waiting['files'], 'file')}: {plain(waiting['why'])}")
    for item in status["current"]:
        click.echo(f"now        {in_hand(item)}")
    if status["eta_s"]:
        click.echo(f"time left  {duration(status['eta_s'])}")
    for root in status["roots"]:
        click.echo(f"folder     {plain(root['path'])} ({_root_in_words(root)})")
    for role, model in status["models"].items():
        detail = f": {model['detail']}" if model["detail"] else ""
        click.echo(f"{role:11}{model['name']} ({model['state']}{detail})")
    for stale in status["stale"]:
        click.echo(
            f"stale      {stale['count']} {stale['what']} {stale['why']}; '{stale['command']}'"
        )
    if status["after_restart"]:
        click.echo(f"settings   after a restart: {', '.join(status['after_restart'])}")


def _root_in_words(root: dict[str, Any]) -> str:
    told = f"{root['state']}, {counted(root['files'], 'file')}"
    if root["pending"]:
        told += f", {root['pending']} to be read"
        told += f" in {duration(root['eta_s'])}" if root["eta_s"] else ""
    return f"{told}; {plain(root['detail'])}" if root["detail"] else told
