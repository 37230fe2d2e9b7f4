"""What every setting is about: the words that stand beside it in ``options``."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache

from prismd.config import options

_LITERAL = re.compile(r"``(.*?)``")
_HEADING = re.compile(r"^``[^`]*``: ")
_TABLES = {options.Config.__name__: "", options.Folder.__name__: "folders"}
_TABLES |= {kind.__name__: name for name, kind in options.SECTIONS.items()}


@cache
def descriptions() -> dict[str, str]:
    """Descriptions by section and by dotted key; literals stand between backquotes.

    Empty where prismd is installed without its sources.
    """
    try:
        source = inspect.getsource(options)
    except OSError:
        return {}
    return dict(_described(ast.parse(source)))


def _described(module: ast.Module) -> Iterator[tuple[str, str]]:
    for kind in module.body:
        if isinstance(kind, ast.ClassDef) and (section := _TABLES.get(kind.name)) is not None:
            yield section, _plain(_HEADING.sub("", ast.get_docstring(kind) or ""))
            for name, words in _fields(kind):
                yield f"{section}.{name}" if section else name, _plain(words)


def _fields(kind: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Names of fields, each with the text that stands right under it."""
    for field, below in zip(kind.body, kind.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                yield name, inspect.cleandoc(words)


def _plain(words: str) -> str:
    return _LITERAL.sub(r"`\1`", words[:1].upper() + words[1:])
