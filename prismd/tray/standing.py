"""What the tray knows of the daemon, in few words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from prismd.place import progress_in_words
from prismd.tray.cited import menu_name
from prismd.wording import counted

Mood = Literal["away", "starting", "indexing", "idle", "paused", "attention"]
"""``away`` is not running; ``attention`` is something that keeps it from going on."""
HeldBy = Literal["", "you", "schedule"]

_TITLE_CHARS = 160
_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400


class Standing(Struct, frozen=True):
    """How it stands.

    Attributes:
        line: In one line, without the name of the program.
        in_hand: What is read now, if anything is.
        held_by: Who has paused it.
        unread: How many files could not be read.
        reachable: Whether a daemon answers, so that it can be asked for something.
    """

    mood: Mood
    line: str
    in_hand: str = ""
    held_by: HeldBy = ""
    unread: int = 0
    reachable: bool = True

    @property
    def title(self) -> str:
        """What the icon says when it is pointed at."""
        title = f"prismd: {self.line}"
        return title if len(title) <= _TITLE_CHARS else f"{title[: _TITLE_CHARS - 1]}…"


AWAY = Standing("away", "not running", reachable=False)
STARTING = Standing("starting", "starting", reachable=False)


def unfollowed(why: str) -> Standing:
    """A daemon that is there, but cannot be followed.

    Args:
        why: Fit to show.
    """
    return Standing("attention", why, reachable=False)


def standing_of(status: Mapping[str, Any], now: float) -> Standing:
    """How the daemon stands.

    Args:
        status: As ``GET /status`` gives it.
        now: Unix time.
    """
    files, held = status["files"], status["paused"]
    fault = str(status["fault"])
    mood: Mood = "attention" if fault else status["state"]
    return Standing(
        mood,
        fault or _line(status, now),
        in_hand=_in_hand(status["current"], unnamed=status["encrypted"]),
        held_by=held["by"] if held is not None else "",
        unread=files["failed"] + files["quarantined"],
    )


def _line(status: Mapping[str, Any], now: float) -> str:
    files, held = status["files"], status["paused"]
    if held is not None:
        until = f" until {_moment(held['until'], now)}" if held["until"] is not None else ""
        return f"paused{until}" + (f" ({held['why']})" if held["why"] else "")
    if status["state"] == "idle":
        return f"up to date, {counted(files['total'], 'file')}"
    if status["state"] == "starting":
        return "starting"
    left = f", {time_left(status['eta_s'])}" if status["eta_s"] else ""
    if not status["left"]:
        # All is read: what is left is to give the passages their vectors, or to look for more.
        missing = status["passages"] - status["passages_embedded"]
        what = f"{counted(missing, 'passage')} to embed" if missing else "looking for changes"
        return what + left
    return f"{files['total'] - status['left']:,} of {counted(files['total'], 'file')}{left}"


def _in_hand(current: list[dict[str, Any]], *, unnamed: bool) -> str:
    """The first of the files in hand; which one of several says nothing more.

    Args:
        current: The files in hand.
        unnamed: Whether the index is encrypted. A menu is handed to the desktop, and what that
            writes down, or leaves in its memory, is out of prismd's hands: it gets no names.
    """
    if not current:
        return ""
    item = current[0]
    name = "A file" if unnamed else menu_name(item["path"])
    more = f" (and {len(current) - 1} more)" if len(current) > 1 else ""
    told = progress_in_words(item["stage"], item["done"], item["total"])
    return f"{name}: {told}{more}"


def time_left(seconds: float) -> str:
    """A time to wait, no more exactly than anybody can know it."""
    if seconds < _MINUTE_S:
        return "less than a minute left"
    if seconds < _HOUR_S:
        return f"about {round(seconds / _MINUTE_S)} min left"
    if seconds < 2 * _DAY_S:
        # Rounded first, to quarters of an hour: there is no "1 h 60 min".
        quarters = round(seconds / (_HOUR_S / 4))
        minutes = quarters % 4 * 15
        return f"about {quarters // 4} h{f' {minutes} min' if minutes else ''} left"
    return f"about {round(seconds / _DAY_S)} days left"


def _moment(at: float, now: float) -> str:
    """A time in the future, in local time, with its day where that is not today."""
    local = datetime.fromtimestamp(at)
    if local.date() == datetime.fromtimestamp(now).date():
        return f"{local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"
