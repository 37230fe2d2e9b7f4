"""What a shell is offered for a word: names that only the index or the models folder know.

Whatever goes wrong is kept quiet: it would be said in the middle of the line that is typed.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from prismd.cli.context import Context
from prismd.errors import PrismdError

_ENDS_A_WORD = re.compile(r"[^\w@%+=:,./~-]")


class _Bash(BashComplete):
    """Quotes what bash would otherwise take for several words, such as a folder with a space."""

    def format_completion(self, item: CompletionItem[str]) -> str:
        words = os.environ["COMP_WORDS"].split("\n")
        typed = "".join(words[int(os.environ["COMP_CWORD"]) :][:1])
        value = item.value
        if item.type == "plain" and not typed.startswith(("'", '"')):
            value = _ENDS_A_WORD.sub(r"\\\g<0>", value)
        # click's script reads the line with 'read', which takes backslashes away once.
        escaped = value.replace("\\", "\\\\")
        return super().format_completion(CompletionItem(escaped, type=item.type))


def quote_for_bash() -> None:
    """Have completions for bash quoted where that is needed."""
    add_completion_class(_Bash)


def complete_model(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of models, with their roles and whether they are here."""
    from prismd.models.added import entries
    from prismd.models.installed import presence

    with contextlib.suppress(PrismdError, OSError):
        models_dir = _context(ctx).config.models_dir
        return [
            CompletionItem(entry.name, help=f"{entry.role} ({presence(entry, models_dir)})")
            for entry in entries(models_dir)
            if entry.name.startswith(incomplete) and entry.name not in _given(ctx)
        ]
    return []


def complete_root(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Watched folders; where none begins so, any folder."""
    from prismd.store import files
    from prismd.store.database import Database

    found: list[str] = []
    with contextlib.suppress(PrismdError, OSError):
        data_dir = _context(ctx).config.data_dir
        with contextlib.closing(Database(data_dir, writable=False)) as database:
            found = [root.path for root in database.read(files.roots)]
    fitting = [CompletionItem(path) for path in found if path.startswith(incomplete)]
    return fitting or [CompletionItem(incomplete, type="dir")]


def _context(ctx: click.Context) -> Context:
    """What the command would go by; only its options are read so far."""
    given = ctx.find_root().params
    config_file: Path | None = given.get("config_file")
    return Context(config_file, {"data_dir": given.get("data_dir")})


def _given(ctx: click.Context) -> tuple[str, ...]:
    """The names that stand on the line already, where a command takes several."""
    names = ctx.params.get("names")
    return names if isinstance(names, tuple) else ()
