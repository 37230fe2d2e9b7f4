"""Locators in words. Pure."""

from __future__ import annotations

from typing import Any

_MINUTE_S = 60


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
    """A moment of a recording as m:ss."""
    return f"{int(seconds) // _MINUTE_S}:{int(seconds) % _MINUTE_S:02}"
