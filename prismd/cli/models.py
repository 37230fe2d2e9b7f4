"""``models list | pull | add | remove``."""

from __future__ import annotations

from pathlib import Path

import click

from prismd.cli.context import Context, json_option, pass_context, print_json


@click.group("models")
def models_command() -> None:
    """Show, fetch, add and remove models."""


@models_command.command("list")
@json_option
@pass_context
def list_command(context: Context, as_json: bool) -> None:
    """List the models that prismd knows, and which are here."""
    from prismd.models.added import entries
    from prismd.models.installed import presence

    models_dir = context.config.models_dir
    rows = [
        {
            "name": entry.name,
            "role": entry.role,
            "state": presence(entry, models_dir),
            "size_bytes": entry.size_bytes,
            "memory_bytes": entry.memory_bytes,
            "languages": list(entry.languages),
            "licence": entry.licence,
            "note": entry.note,
        }
        for entry in entries(models_dir)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            f"{row['name']:32}{row['role']:12}{row['state']:9}"
            f"{int(row['size_bytes']) / 1e6:7.0f} MB  {row['licence']}"  # type: ignore[call-overload]
        )


@models_command.command("pull")
@click.argument("names", nargs=-1)
@pass_context
def pull_command(context: Context, names: tuple[str, ...]) -> None:
    """Fetch models: NAMES, or those that the settings want for search."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from prismd.assembly import default_models
    from prismd.models import catalog
    from prismd.models.added import entries
    from prismd.models.fetch import fetch

    config = context.config
    known = entries(config.models_dir)
    wanted = [catalog.find(name, known) for name in names or default_models(config)]
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("looking", total=None)

        def show(done: int, total: int, source: str) -> None:
            bar.update(task, completed=done, total=total or None, description=source[:48])

        fetch(wanted, config.models_dir, progress=show)
    for entry in wanted:
        click.echo(f"{entry.name}: here, and its checksum is right")


@models_command.command("add")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@pass_context
def add_command(context: Context, name: str, path: Path) -> None:
    """Make a model of your own known as NAME: a GGUF file, or a folder with an ONNX model."""
    from prismd.models.added import add

    entry = add(name, path, context.config.models_dir)
    click.echo(f"{entry.name}: added for {entry.role}; name it under [models] to use it")


@models_command.command("remove")
@click.argument("name")
@pass_context
def remove_command(context: Context, name: str) -> None:
    """Delete the weights of NAME; of a model that was added only the entry is deleted."""
    from prismd.models.added import remove

    remove(name, context.config.models_dir)
    click.echo(f"{name}: removed")
