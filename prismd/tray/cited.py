"""What the last answers cited, as lines of a menu. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from prismd.place import in_words
from prismd.wording import shown_name

MOST = 8
_NAME_CHARS = 44
_FOLDER_CHARS = 32
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_LEFT_TO_RIGHT, _ISOLATE, _POP = "\u200e", "\u2068", "\u2069"
"""What stands between the last two is ordered by itself; the first has the line itself begin at
the left, which GTK would otherwise judge by what stands within."""


class Cited(Struct, frozen=True):
    """A file, and the place in it that was cited last.

    Attributes:
        place: In words; empty for the whole of it.
    """

    citation_id: str
    path: str
    place: str


def cited_of(found: Mapping[str, Any]) -> tuple[Cited, ...]:
    """What ``GET /search/cited`` gives."""
    return tuple(
        Cited(each["citation_id"], each["path"], _place(each["locator"])) for each in found["data"]
    )


def _place(locator: dict[str, Any]) -> str:
    return "" if locator["kind"] == "image" else in_words(locator)


def named(cited: Sequence[Cited]) -> Iterator[tuple[str, str]]:
    """Lines of the menu, each with the id of its citation; equal names are told apart."""
    folders = _told_apart([each.path for each in cited])
    for each, folder in zip(cited, folders, strict=True):
        name = menu_name(each.path)
        within = f" ({isolated(shortened(folder, _FOLDER_CHARS))})" if folder else ""
        yield f"{name}{within}{f', {each.place}' if each.place else ''}", each.citation_id


def menu_name(path: str) -> str:
    """A file's name as a line of the menu begins with it."""
    return isolated(shortened(shown_name(path), _NAME_CHARS))


def _told_apart(paths: Sequence[str]) -> list[str]:
    """As much of the folder of each as tells it from the others of its name; mostly nothing."""
    found = []
    for path in paths:
        others = [p for p in paths if p != path and shown_name(p) == shown_name(path)]
        parts = PurePath(path).parent.parts
        depth = 0
        while depth < len(parts) and _clash(path, others, depth):
            depth += 1
        found.append("/".join(shown_name(part) for part in parts[len(parts) - depth :]))
    return found


def _clash(path: str, others: Sequence[str], depth: int) -> bool:
    """Whether nothing tells a path from another of its name by that many of its folders."""
    mine = PurePath(path).parts[-1 - depth :]
    return any(PurePath(other).parts[-1 - depth :] == mine for other in others)


def shortened(text: str, most_chars: int) -> str:
    """A text that fits, cut in its middle: of a file's name the end tells the most."""
    if len(text) <= most_chars:
        return text
    tail_chars = most_chars // 2
    start, end = most_chars - tail_chars - 1, len(text) - tail_chars
    while start > 1 and unicodedata.combining(text[start]):
        start -= 1  # an accent stays with its letter
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return f"{text[:start]}…{text[end:]}"


def isolated(text: str) -> str:
    """A text that may run from right to left, such that what follows it stays in its place."""
    runs_back = any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text)
    return f"{_LEFT_TO_RIGHT}{_ISOLATE}{text}{_POP}" if runs_back else text
