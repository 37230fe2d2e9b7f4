"""``models list | pull | add | export | remove``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prismd.cli.completing import complete_model
from prismd.cli.context import Context, json_option, pass_context, print_json

if TYPE_CHECKING:
    from prismd.models.entry import Role
    from prismd.models.load import ModelState


@click.group("models")
def models_command() -> None:
    """Show, fetch, add, export and remove models."""


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
    for role, state in _states(context).items():
        if state.state in ("missing", "error"):
            click.echo(f"{role}: {state.detail}")


def _states(context: Context) -> dict[Role, ModelState]:
    """How the roles stand, without a daemon."""
    from prismd.daemon.parameters import model_settings
    from prismd.models.load import Models

    models = Models(model_settings(context.config))
    try:
        return models.states()
    finally:
        models.close()


@models_command.command("pull")
@click.argument(
    "names",
    nargs=-1,
    shell_complete=complete_model,
    help="As 'prismd models list' has them; without any, those that the settings want.",
)
@pass_context
def pull_command(context: Context, names: tuple[str, ...]) -> None:
    """Fetch models, and verify what is here already."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from prismd.daemon.parameters import default_models
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
    if context.running():
        click.echo(
            "The prismd that runs takes what is new once it is started anew: 'prismd service"
            " restart', or end it and 'prismd run'."
        )


@models_command.command("add")
@click.argument("name", help="What the settings are to call it.")
@click.argument(
    "path",
    type=click.Path(exists=True, path_type=Path),
    help="A GGUF file, or a folder with an ONNX model; it stays where it is.",
)
@pass_context
def add_command(context: Context, name: str, path: Path) -> None:
    """Make a model of your own known as NAME."""
    from prismd.models.added import add

    entry = add(name, path, context.config.models_dir)
    click.echo(f"{entry.name}: added for {entry.role}; {_use(entry.role, entry.name)}")


@models_command.command("export")
@click.argument("source", help="The checkpoint: a folder, or a repository at Hugging Face.")
@click.option("--name", default="", help="What settings call it; SOURCE's last part by default.")
@click.option(
    "--quantize/--no-quantize",
    default=True,
    help="Whether weights become int8, which makes it four times smaller and faster.",
)
@pass_context
def export_command(context: Context, source: str, name: str, quantize: bool) -> None:
    """Turn SOURCE into a model that prismd runs, and add it.

    SOURCE is a sentence-transformers or CLIP checkpoint. The result is compared with the original.
    Needs `pip install 'prismd[export]'`.
    """
    from prismd.models.export import export

    made = export(
        source,
        context.config.models_dir,
        name=name,
        quantize=quantize,
        say=lambda step: click.echo(f"{step} ...", err=True),
    )
    for found in made.agreements:
        click.echo(
            f"{found.form}, {found.probes}: cosine with the original {found.mean:.4f}, "
            f"at least {found.least:.4f} (needed {found.bound})"
        )
    entry = made.entry
    click.echo(f"{entry.name}: added for {entry.role}; {_use(entry.role, entry.name)}")


@models_command.command("remove", short_help="Delete the weights of a model.")
@click.argument("name", shell_complete=complete_model, help="As 'prismd models list' has it.")
@pass_context
def remove_command(context: Context, name: str) -> None:
    """Delete the weights of NAME; of a model that was added only the entry is deleted."""
    from prismd.models.added import remove

    remove(name, context.config.models_dir)
    click.echo(f"{name}: removed")


def _use(role: Role, name: str) -> str:
    return f'set {role} = "{name}" under [models] to use it'
