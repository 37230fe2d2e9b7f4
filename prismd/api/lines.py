"""Lines of a document's text, with a range of it marked. Pure."""

from __future__ import annotations

import msgspec

_LINES_AROUND = 6
_LINE_CHARS = 400
_MARKED_CHARS = 8_000
"""More than any passage has: only who marks a whole file that is one line gets less."""


class Line(msgspec.Struct, frozen=True):
    """A line of a text: its number from 1, and what of it is before, in and after the range.

    ``start`` and ``end`` are its own range in the text, without the line break.
    """

    number: int
    start: int
    end: int
    before: str
    marked: str
    after: str


def lines_around(text: str, start: int, end: int) -> list[Line]:
    """The lines of a range of a text and a few around it; long ones are cut."""
    first = first_around(text, start)
    last = number_at(text, max(start, end - 1)) + _LINES_AROUND
    return lines_from(text, first, last - first + 1, start, end)


def first_around(text: str, start: int) -> int:
    """The number of the line with which one begins to show a range: a few before it."""
    return max(1, number_at(text, start) - _LINES_AROUND)


def lines_from(text: str, first: int, limit: int, start: int = 0, end: int = 0) -> list[Line]:
    """At most so many lines from one on, each cut where it is long, and the range with it.

    Args:
        text: All of it.
        first: Number of the first line, from 1.
        limit: How many lines at most; fewer where the text ends.
        start: Where the marked range begins, in code points.
        end: Where it ends; an empty range marks nothing.
    """
    at = start_of(text, first)
    lines: list[Line] = []
    while at is not None and len(lines) < limit:
        stop = text.find("\n", at)
        over = stop < 0
        stop = len(text) if over else stop
        lines.append(_line(text, first + len(lines), at, stop, start, end))
        at = None if over else stop + 1
    return lines


def number_at(text: str, offset: int) -> int:
    """The number of the line that holds a code point."""
    return text.count("\n", 0, offset) + 1


def start_of(text: str, number: int) -> int | None:
    """Where a line begins; None beyond the last."""
    at = 0
    for _ in range(number - 1):
        at = text.find("\n", at) + 1
        if at == 0:
            return None
    return at


def cut_at(text: str, at: int, stop: int, start: int, end: int) -> tuple[str, str, str]:
    """A piece of a text, from ``at`` to ``stop``: what of it is before, in and after a range."""
    low = min(max(start, at), stop)
    high = max(low, min(end, stop))
    if low == high:
        return text[at:stop], "", ""
    return text[at:low], text[low:high], text[high:stop]


def _line(text: str, number: int, at: int, stop: int, start: int, end: int) -> Line:
    before, marked, after = cut_at(text, at, stop, start, end)
    if not marked:
        return Line(number, at, stop, _head(before), "", "")
    if len(marked) > _MARKED_CHARS:
        return Line(number, at, stop, _tail(before), _head(marked, _MARKED_CHARS), "")
    return Line(number, at, stop, _tail(before), marked, _head(after))


def _head(text: str, most: int = _LINE_CHARS) -> str:
    return text if len(text) <= most else text[:most] + " …"


def _tail(text: str) -> str:
    return text if len(text) <= _LINE_CHARS else "… " + text[-_LINE_CHARS:]
