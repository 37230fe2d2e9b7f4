"""``search``, ``ask``, ``files`` and ``errors``: what is in the index, for people and programs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, get_args

import click

from prismd.cli.completing import complete_root
from prismd.cli.context import Context, checked, json_option, pass_context, print_json
from prismd.cli.examples import file_id, search_like_picture
from prismd.cli.terminal import paragraphs, plain, preview
from prismd.domain import FileState
from prismd.place import in_words
from prismd.wording import counted

if TYPE_CHECKING:
    import httpx


def _filters(function: Any) -> Any:
    for option in reversed(
        [
            click.option(
                "--type",
                "types",
                multiple=True,
                type=click.Choice(["document", "image", "audio", "text"]),
                help="Only files of this kind; may be repeated.",
            ),
            click.option(
                "--folder",
                multiple=True,
                shell_complete=complete_root,
                help="Only below a folder of this name or path.",
            ),
            click.option("--path", multiple=True, help="Only paths that match this glob."),
            click.option("--after", default="", help="Only files changed on or after this date."),
            click.option("--before", default="", help="Only files changed before this date."),
            click.option("--language", multiple=True, help="Only this language (de, zh, …)."),
        ]
    ):
        function = option(function)
    return function


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    renamed = {"types": "type"}
    return {
        renamed.get(key, key): list(value) if isinstance(value, tuple) else value
        for key, value in options.items()
        if value
    }


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"Warning: {plain(warning)}", err=True)


@click.command("search")
@click.argument("query", nargs=-1, help="Words to look for, and filters; quotes are optional.")
@click.option("-n", "--limit", type=click.IntRange(1, 100), help="How many results.")
@click.option("--image", type=click.Path(), metavar="FILE", help="Find pictures like this one.")
@click.option(
    "--sounds-like",
    "audio",
    type=click.Path(),
    metavar="FILE",
    help="Find recordings like this one.",
)
@click.option("--explain", is_flag=True, help="Show how each result came by its place.")
@_filters
@json_option
@pass_context
def search_command(
    context: Context,
    /,
    query: tuple[str, ...],
    limit: int | None,
    image: str | None,
    audio: str | None,
    explain: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Find passages. Filters may stand in QUERY: folder:tax after:2024-01-01 budget.

    With --image, pictures like a picture (any file, or the id of one that is indexed); with
    --sounds-like, recordings like one that is indexed.
    """
    if not query and not image and not audio:
        raise click.UsageError("give words to look for, --image or --sounds-like")
    body: dict[str, Any] = {
        "query": " ".join(query),
        "limit": limit or context.config.search.limit,
        "filters": _chosen(filters),
        "explain": explain,
    }
    with context.client() as client:
        if audio:
            body["audio"] = file_id(client, audio)
        found = checked(
            search_like_picture(client, body, image) if image else client.post("/search", json=body)
        )
        hint = "" if found["results"] else _hint(context, client)
    if as_json:
        print_json(found)
        return
    _warn(found.get("warnings") or ())
    _show(found, explain=explain)
    if hint:
        click.echo(hint, err=True)


def _show(found: dict[str, Any], *, explain: bool) -> None:
    if not found["results"]:
        click.echo("Nothing found.")
    for number, result in enumerate(found["results"], start=1):
        metadata = result["metadata"]
        name = click.style(plain(metadata["path"]), bold=True)
        click.echo(
            f"{number}. {name}, {in_words(metadata['locator'])}  ({result['similarity']:.2f})"
        )
        _quote(metadata["text"], "   ")
        if explain:
            for key, value in (result.get("explanation") or {}).items():
                click.echo(f"     {key}: {value}")


def _quote(text: str, margin: str) -> None:
    """Print the beginning of a text; a picture or recording as such has none."""
    if shown := preview(text):
        click.echo(textwrap.indent(shown, margin))


@click.command("ask", short_help="Answer a question from the files, with citations.")
@click.argument("question", nargs=-1, required=True, help="What to answer; quotes are optional.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "extractive", "generative"]),
    help="Quote sentences, or have the model write.",
)
@_filters
@json_option
@pass_context
def ask_command(
    context: Context,
    /,
    question: tuple[str, ...],
    engine: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """Answer QUESTION from the indexed files, with citations."""
    wanted: dict[str, Any] = _chosen(filters)
    if engine:
        wanted["engine"] = engine
    body = {
        "model": "prism",
        "messages": [{"role": "user", "content": " ".join(question)}],
        "prism": wanted,
    }
    with context.client() as client:
        reply = checked(client.post("/v1/chat/completions", json=body))
        hint = "" if reply["prism"]["citations"] else _hint(context, client)
    if as_json:
        print_json(reply)
        return
    _warn(reply["prism"].get("warnings") or ())
    click.echo(paragraphs(reply["choices"][0]["message"]["content"]))
    shown = {citation["citation_id"]: citation for citation in reply["prism"]["citations"]}
    for citation in shown.values():
        path = plain(citation["path"])
        click.echo(
            f"\n[{citation['n']}] {click.style(PurePath(path).name, bold=True)},"
            f" {in_words(citation['locator'])}  ({citation['support']})\n"
            f"    {path}"
        )
        _quote(citation["quote"], "    > ")
    if hint:
        click.echo(hint, err=True)


def _hint(context: Context, client: httpx.Client) -> str:
    """What to do when nothing was found because nothing has been read."""
    from prismd.cli.welcome import nothing_indexed

    return nothing_indexed(context.command, checked(client.get("/status")))


@click.command("files")
@click.option(
    "--state",
    multiple=True,
    type=click.Choice(get_args(FileState)),
    help="Only files in this state; may be repeated.",
)
@click.option("--match", default="", help="Only paths that hold this.")
@json_option
@pass_context
def files_command(context: Context, state: tuple[str, ...], match: str, as_json: bool) -> None:
    """List the files that are known, with their states."""
    _list(context, "/files", {"state": list(state), "q": match}, as_json)


@click.command("errors")
@json_option
@pass_context
def errors_command(context: Context, as_json: bool) -> None:
    """List the files that could not be read, and why."""
    _list(context, "/errors", {}, as_json)


def _list(context: Context, route: str, wanted: dict[str, Any], as_json: bool) -> None:
    listed: list[Any] = []
    with context.client() as client:
        after = None
        while True:
            page = checked(client.get(route, params={**wanted, "limit": 500, "after": after or ""}))
            listed += page["data"]
            after = page.get("next")
            if not after:
                break
    if as_json:
        print_json(listed)
        return
    for item in listed:
        error = item.get("error") or {}
        click.echo(f"{item['state']:12}{plain(item['path'])}")
        if error.get("message"):
            click.echo(f"{'':12}{plain(error['message'])}")
    click.echo(counted(len(listed), "file") if listed else "No files.")
