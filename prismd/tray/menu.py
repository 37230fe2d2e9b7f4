"""What the tray's menu offers, by how the daemon stands. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from prismd.tray.cited import Cited, named
from prismd.tray.standing import Standing
from prismd.wording import counted

Action = Literal[
    "",
    "page",
    "errors",
    "cited",
    "pause-15m",
    "pause-1h",
    "pause",
    "resume",
    "resume-now",
    "rescan",
    "settings",
    "configuration",
    "log",
    "start",
    "stop",
    "quit",
]
"""What is done; empty for what is only to be read."""

_LINE_CHARS = 70
_MOST_LINES = 4


class Entry(Struct, frozen=True):
    """A line of the menu.

    Attributes:
        text: Empty for a line between groups.
        about: What it is done with, where that is not always the same.
        default: Whether it is done by a click on the icon, where there is such a thing.
    """

    text: str
    action: Action = ""
    about: str = ""
    under: tuple[Entry, ...] = ()
    default: bool = False


SEPARATOR = Entry("")
_PAUSES = Entry(
    "Pause",
    under=(
        Entry("For 15 minutes", "pause-15m"),
        Entry("For an hour", "pause-1h"),
        Entry("Until resumed", "pause"),
    ),
)


def menu_of(
    standing: Standing, *, configured: bool, cited: Sequence[Cited] = (), note: str = ""
) -> tuple[Entry, ...]:
    """The menu.

    Args:
        standing: How the daemon stands.
        configured: Whether there is a configuration file to open.
        cited: What the last answers cited, the latest first.
        note: What the person is to know of the icon itself.
    """
    groups = (
        _told(standing, note),
        _reading(standing, cited),
        _indexing(standing),
        _opening(standing, configured=configured),
        _ending(standing),
    )
    entries: list[Entry] = []
    for group in filter(None, groups):
        entries += [SEPARATOR, *group] if entries else group
    return tuple(entries)


def shape(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """What can be chosen of a menu, without what is only to be read.

    What the last answers cited may come a moment later as well, and is left out.
    """
    return tuple(
        replace(
            entry,
            text=entry.text if _chosen(entry) else "",
            under=tuple(each for each in entry.under if each.action != "cited"),
        )
        for entry in entries
    )


def _chosen(entry: Entry) -> bool:
    return bool(entry.action or entry.under)


def _told(standing: Standing, note: str) -> list[Entry]:
    line = standing.line[:1].upper() + standing.line[1:]
    return [Entry(part) for text in (line, standing.in_hand, note) for part in _wrapped(text)]


def _reading(standing: Standing, cited: Sequence[Cited]) -> list[Entry]:
    if not standing.reachable:
        return []
    found = [Entry("Open prismd", "page", default=True)]
    if cited:
        places = tuple(Entry(text, "cited", about) for text, about in named(cited))
        found.append(Entry("Files of recent answers", under=places))
    if standing.unread:
        found.append(Entry(f"{counted(standing.unread, 'file')} with errors…", "errors"))
    return found


def _indexing(standing: Standing) -> list[Entry]:
    if not standing.reachable:
        return []
    found: list[Entry] = []
    if standing.held_by:
        against = standing.held_by == "schedule"
        text, action = ("Resume all the same", "resume-now") if against else ("Resume", "resume")
        found.append(Entry(text, action))  # type: ignore[arg-type] # one of the two pairs
    if standing.held_by != "you":
        found.append(_PAUSES)
    return [*found, Entry("Look for changes now", "rescan")]


def _opening(standing: Standing, *, configured: bool) -> list[Entry]:
    found = []
    if configured:
        found.append(Entry("Open configuration", "configuration"))
    elif standing.reachable:
        # Nothing is made: the page says where the file would be, and what holds without one.
        found.append(Entry("Show settings", "settings"))
    return [*found, Entry("Open log", "log")]


def _ending(standing: Standing) -> list[Entry]:
    found = [Entry("Quit this icon", "quit")]
    if standing.mood == "away":
        return [Entry("Start prismd", "start", default=True), *found]
    if standing.mood == "starting" and not standing.reachable:
        return found
    # One that cannot be followed runs all the same.
    return [Entry("Stop prismd", "stop"), *found]


def _wrapped(text: str) -> list[str]:
    """A text in as many lines as it takes: what is left to do stands at its end."""
    return textwrap.wrap(text, _LINE_CHARS, max_lines=_MOST_LINES, placeholder="…")
