"""What is said at the first start: which folders could be read, who may ask, what is missing."""

from __future__ import annotations

import logging
import shlex
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from prismd.cli.context import Context
from prismd.cli.terminal import plain
from prismd.encryption.discretion import Told, own
from prismd.invocation import NAME
from prismd.watch.suggesting import Suggestion, in_words, suggestions

if TYPE_CHECKING:
    from prismd.daemon.assembly import Prism

log = logging.getLogger(__name__)

_COUNT_S = 2.0
_WITHOUT = {
    "embedding": "found by words only, not by meaning",
    "reranking": "the order of what is found is less good",
    "generation": "answers quote your files; none are written",
    "image": "pictures are found by their words, names and dates",
    "speech": "recordings are found by their names and tags",
}
_HAND_ROWS = [
    ("prismd service install", "has it started at every login, instead of here"),
    ("prismd tray", "shows an icon in the desktop's panel, to pause it by and more"),
]
_BY_DEFAULT = frozenset({"embedding", "reranking", "speech"})


class Missing(msgspec.Struct, frozen=True):
    """A model that is not there."""

    role: str
    name: str
    size_bytes: int


class Welcome(msgspec.Struct, frozen=True):
    """What a newcomer is to know.

    Attributes:
        command: How prismd is called here, with the options that it was started with.
        url: Where it answers.
        folders: How many folders are watched.
        suggested: Folders that could be, when none is.
        missing: Models that are not there.
        data_dir: Where the index and the token are.
        models_dir: Where weights are.
        settings: The configuration file, or where it would be.
        has_settings: Whether it is there.
        home: The user's home directory.
    """

    command: str
    url: str
    folders: int
    missing: tuple[Missing, ...]
    data_dir: Path
    models_dir: Path
    settings: Path
    has_settings: bool
    home: Path
    suggested: tuple[Suggestion, ...] = ()


def greet(context: Context, prism: Prism, *, first: bool) -> None:
    """Welcome who starts prismd for the first time, or without any folder.

    Nobody waits for it: folders are counted in a thread of its own.

    Args:
        context: The command's.
        prism: The parts, about to serve.
        first: Whether there was no index before.
    """
    from prismd.store import files

    folders = len(prism.database.read(files.roots))
    if not first and folders:
        return
    welcome = _welcome(context, prism, folders)
    threading.Thread(target=_tell, args=(welcome,), name="prismd-welcome", daemon=True).start()


def _welcome(context: Context, prism: Prism, folders: int) -> Welcome:
    from prismd.config.loading import default_path
    from prismd.daemon.parameters import base_url
    from prismd.models import catalog
    from prismd.models.added import entries

    config = context.config
    known = entries(config.models_dir)
    states = prism.models.states()
    missing = tuple(
        Missing(role, catalog.spoken_name(state.name), catalog.find(state.name, known).size_bytes)
        for role, state in states.items()
        if state.state == "missing"
    )
    return Welcome(
        command=context.command,
        url=base_url(config),
        folders=folders,
        missing=missing,
        data_dir=config.data_dir,
        models_dir=config.models_dir,
        settings=config.file or default_path(),
        has_settings=config.file is not None,
        home=Path.home(),
    )


def _tell(welcome: Welcome) -> None:
    if not welcome.folders:
        found = tuple(suggestions(welcome.home, _COUNT_S))
        welcome = msgspec.structs.replace(welcome, suggested=found)
    if sys.stderr.isatty():
        click.echo(for_terminal(welcome), err=True)
    else:
        for line in for_log(welcome):
            log.info("first steps: %s", line)


def for_terminal(welcome: Welcome) -> str:
    """The welcome as a page of text; pure."""
    sections = [
        ("Folders", _folder_rows(welcome)),
        ("Ask", _asking_rows(welcome)),
        ("Tools that speak to OpenAI", _tool_rows(welcome)),
        ("Keep it at hand", _HAND_ROWS),
        ("Models that are not here; nothing is fetched unasked", _model_rows(welcome)),
        ("Files, and nowhere else", _file_rows(welcome)),
    ]
    lines = ["", "Welcome to prismd. It asks nothing, and reads nothing but the folders you name."]
    if welcome.command != NAME:
        called = f"alias {NAME}={shlex.quote(welcome.command)}"
        lines += ["", "In another terminal, say first how it is called here:", f"  {called}"]
    for heading, rows in sections:
        if rows:
            lines += ["", heading, *_aligned(rows)]
    lines += ["", "Ctrl-C ends it. 'prismd doctor' finds what may be wrong.", ""]
    return "\n".join(plain(line) for line in lines)


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(left) for left, _ in rows)
    return [f"  {left:{width}}  {right}".rstrip() for left, right in rows]


def _folder_rows(welcome: Welcome) -> list[tuple[str, str]]:
    if welcome.folders:
        return [("prismd add FOLDER", "names another one; it is watched from then on")]
    found = welcome.suggested
    rows = [(f"prismd add {_typed(each.path, welcome.home)}", in_words(each)) for each in found]
    return rows or [("prismd add FOLDER", "names the first; it is watched from then on")]


def _asking_rows(welcome: Welcome) -> list[tuple[str, str]]:
    return [
        ("prismd token --open", f"lets this computer's browser in, at {welcome.url}/"),
        ('prismd ask "When does the lease end?"', "asks from another terminal"),
        ("prismd status", "how far the reading is"),
    ]


def _tool_rows(welcome: Welcome) -> list[tuple[str, str]]:
    return [
        ("base_url", f"{welcome.url}/v1"),
        ("api_key", "the token, made for you at the first start; 'prismd token' prints it"),
        ("model", "prism"),
    ]


def _model_rows(welcome: Welcome) -> list[tuple[str, str]]:
    """First the command for those that search goes by, then one for each other."""
    usual = [each for each in welcome.missing if each.role in _BY_DEFAULT]
    rows = []
    if usual:
        size = sum(each.size_bytes for each in usual)
        rows.append(("prismd models pull", f"{_megabytes(size)}; until then"))
        rows += [("", f"- {_WITHOUT[each.role]}") for each in usual]
    for each in welcome.missing:
        if each.role not in _BY_DEFAULT:
            told = f"{_megabytes(each.size_bytes)}; until then {_WITHOUT[each.role]}"
            rows.append((f"prismd models pull {each.name}", told))
    return rows


def _file_rows(welcome: Welcome) -> list[tuple[str, str]]:
    settings = _short(welcome.settings, welcome.home)
    return [
        ("index, token", _short(welcome.data_dir, welcome.home)),
        ("models", _short(welcome.models_dir, welcome.home)),
        ("settings", settings if welcome.has_settings else f"{settings}, if you make it"),
    ]


def for_log(welcome: Welcome) -> list[Told]:
    """The welcome as a few lines of a log; pure."""
    lines = []
    if not welcome.folders and welcome.suggested:
        named = [f"prismd add {_typed(each.path, welcome.home)}" for each in welcome.suggested]
        counted = f"folders that could be read: {len(named)}; 'prismd add FOLDER' names one"
        lines.append(Told(f"folders that could be read: {'; '.join(named)}", counted))
    if welcome.missing:
        usual = [each.name for each in welcome.missing if each.role in _BY_DEFAULT]
        others = [each.name for each in welcome.missing if each.role not in _BY_DEFAULT]
        commands = ["prismd models pull"] * bool(usual)
        commands += [f"prismd models pull {name}" for name in others]
        absent = ", ".join([*usual, *others])
        told = f"models that are not here: {absent}; to fetch them: {'; '.join(commands)}"
        lines.append(own(told))
    lines.append(
        own(
            f"tools that speak to OpenAI: base_url {welcome.url}/v1, api_key from 'prismd token',"
            " model prism"
        )
    )
    kept = f"all is kept in {welcome.data_dir}; models in {welcome.models_dir}"
    lines.append(Told(kept, "all is kept where the settings say"))
    return lines


def _short(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _typed(path: Path, home: Path) -> str:
    """A path as a person would type it into a shell."""
    if not path.is_relative_to(home):
        return shlex.quote(str(path))
    return f"~/{shlex.quote(str(path.relative_to(home)))}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"


def nothing_indexed(command: str, status: Mapping[str, object]) -> str:
    """What helps who asks an index with nothing in it; empty where there is something. Pure."""
    roots, files = status.get("roots"), status.get("files")
    total = files.get("total") if isinstance(files, dict) else None
    if roots == [] and not total:
        return f"No folder is read yet: '{command} add ~/Documents' names one."
    return ""
