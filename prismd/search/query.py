"""A person's query: its words, and the filters written between them. Pure."""

from __future__ import annotations

import itertools
import re
from typing import get_args

from prismd.domain import Combination, DocumentType, Filters

_FILTER = re.compile(
    r'(?<!\S)(type|folder|path|after|before|language|lang):(?:"([^"]*)"|(\S+))', re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T[\d:.+Z-]*)?")
_MOST_TOLD = 3
_SHOWN_CHARS = 40
_TYPES: tuple[str, ...] = get_args(DocumentType)
_A_DATE = "a date is written like 2024-01-31"
_ALLOWED = {"type": f"types are {', '.join(_TYPES)}", "after": _A_DATE, "before": _A_DATE}
"""What the filters take whose values are not free."""


def parse_query(query: str) -> tuple[str, Filters]:
    """Take the filters out of a query: ``folder:tax after:2024-01-01 type:image budget``.

    What only looks like a filter (``type:error``, ``after:lunch``) stays a word of the query.

    Returns:
        The query without its filters, and the filters.
    """
    found: dict[str, list[str]] = {}

    def take(match: re.Match[str]) -> str:
        name = match[1].lower()
        name = "language" if name == "lang" else name
        value = match[2] if match[2] is not None else match[3]
        if not value or not _fits(name, value):
            return match[0]
        found.setdefault(name, []).append(value)
        return ""

    words = _FILTER.sub(take, query)
    filters = Filters(
        type=tuple(value for value in _TYPES if value in map(str.lower, found.get("type", ()))),  # type: ignore[misc]
        folder=tuple(found.get("folder", ())),
        path=tuple(found.get("path", ())),
        after=found.get("after", [""])[-1],
        before=found.get("before", [""])[-1],
        language=tuple(found.get("language", ())),
    )
    return " ".join(words.split()) if found else query.strip(), filters


def misread(words: str) -> tuple[str, ...]:
    """What is to be said of words that look like filters and are none, fit to show to a person.

    Args:
        words: What ``parse_query`` left of a query.
    """
    told = []
    for match in itertools.islice(_FILTER.finditer(words), _MOST_TOLD):
        value = match[2] if match[2] is not None else match[3]
        if value and (allowed := _ALLOWED.get(match[1].lower())):
            written = match[0]
            if len(written) > _SHOWN_CHARS:
                written = written[:_SHOWN_CHARS] + "…"
            told.append(f"{written}: was looked for as a word, not as a filter; {allowed}")
    return tuple(dict.fromkeys(told))


def _fits(name: str, value: str) -> bool:
    if name == "type":
        return value.lower() in _TYPES
    if name in ("after", "before"):
        return _DATE.fullmatch(value) is not None
    return True


def combine(first: Filters, second: Filters) -> Filters:
    """The fields of both; where both have one, the second's counts, so that it is never widened.

    Conditions of both must hold.
    """
    both = tuple(item.where for item in (first, second) if item.where is not None)
    return Filters(
        type=second.type or first.type,
        folder=second.folder or first.folder,
        path=second.path or first.path,
        least_similarity=max(first.least_similarity, second.least_similarity),
        after=second.after or first.after,
        before=second.before or first.before,
        language=second.language or first.language,
        roots=second.roots or first.roots,
        where=Combination("and", both) if len(both) > 1 else next(iter(both), None),
    )
