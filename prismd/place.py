"""Locators in words, and in numbers fit to be told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from prismd.domain import Box, ImageLocator, Locator, PageLocator, TimeLocator

_MINUTE_S = 60
_HOUR_MIN = 60


def in_words(locator: dict[str, Any]) -> str:
    """Where a citation stands, from the JSON of its locator."""
    kind = locator["kind"]
    if kind == "page":
        return f"page {locator['page']}"
    if kind == "time":
        return f"{clock(locator['start_s'])} to {clock(locator['end_s'])}"
    if kind == "image":
        return "image"
    first, last = locator["line_start"], locator["line_end"]
    return f"line {first}" if first == last else f"lines {first} to {last}"


def progress_in_words(stage: str, done: int, total: int) -> str:
    """How far the reading of a file has come, where that is known; else the stage alone."""
    if stage == "transcribing":
        return f"{stage} {clock(done)} of {clock(total)}"
    return f"{stage} {done} of {total}" if done else stage


def clock(seconds: float) -> str:
    """A moment of a recording as m:ss, from an hour on as h:mm:ss."""
    minutes, rest_s = divmod(int(seconds), _MINUTE_S)
    if minutes < _HOUR_MIN:
        return f"{minutes}:{rest_s:02}"
    return f"{minutes // _HOUR_MIN}:{minutes % _HOUR_MIN:02}:{rest_s:02}"


def rounded(locator: Locator) -> Locator:
    """A place as it is told: to the millisecond, the hundredth of a point or pixel.

    Layouts keep single-precision numbers, whose further digits mean nothing.
    """
    if isinstance(locator, TimeLocator):
        return TimeLocator(round(locator.start_s, 3), round(locator.end_s, 3))
    if isinstance(locator, PageLocator):
        width, height = round(locator.width_pt, 2), round(locator.height_pt, 2)
        return PageLocator(locator.page, _rounded(locator.boxes), width, height)
    if isinstance(locator, ImageLocator):
        return msgspec.structs.replace(locator, boxes=_rounded(locator.boxes))
    return locator


def _rounded(boxes: Sequence[Box]) -> tuple[Box, ...]:
    return tuple((round(a, 2), round(b, 2), round(c, 2), round(d, 2)) for a, b, c, d in boxes)
