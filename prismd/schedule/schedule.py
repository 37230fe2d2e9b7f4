"""When files are read: not on a low battery, outside hours, or while others are at work. Pure.

A rule that the conditions break gives a reason. Nothing is kept but the reasons of the look
before, so that a rule about to be kept again does not flap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Literal

import msgspec

OnBattery = Literal["run", "low", "pause"]
Rule = Literal["battery", "hours", "load"]
Ranges = tuple[tuple[int, int], ...]
"""Minutes of the day, half open; the end is before the start where midnight lies between."""

_RANGE = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")
_DAY_MIN = 24 * 60
_MINUTE_S = 60
_LONGEST_WAIT_MIN = 2 * _DAY_MIN
_CHARGED_PERCENT = 3
"""So far a battery must be above the limit again before it counts as no longer low."""
_CALM_SHARE = 0.7
"""Below this share of the limit other programs count as calm again."""


class Schedule(msgspec.Struct, frozen=True):
    """The rules.

    Attributes:
        on_battery: Run on, pause when it is low, or pause at once.
        low_percent: What counts as low.
        hours: When files are read; empty is always.
        busy_percent: Share of all processors, used by other programs, above which to pause; 0
            is never.
    """

    on_battery: OnBattery = "low"
    low_percent: int = 20
    hours: Ranges = ()
    busy_percent: int = 0


class Conditions(msgspec.Struct, frozen=True):
    """How the computer stands.

    Attributes:
        at: Unix time.
        zone: The time zone; None is that of the system.
        on_battery: Whether it runs on its battery, as far as is known.
        battery_percent: Its charge; None where there is no battery.
        busy_percent: Share of all processors that other programs used of late.
    """

    at: float
    zone: tzinfo | None = None
    on_battery: bool = False
    battery_percent: float | None = None
    busy_percent: float = 0.0


class Reason(msgspec.Struct, frozen=True):
    """Why nothing is read now.

    Attributes:
        why: Fit to show; without a full stop.
        until: Unix time from which on the rule is kept; None where nobody knows.
    """

    rule: Rule
    why: str
    until: float | None = None


def judge(
    schedule: Schedule, conditions: Conditions, before: Iterable[Reason] = ()
) -> tuple[Reason, ...]:
    """The rules that are broken now.

    Args:
        schedule: The rules.
        conditions: How the computer stands.
        before: What the look before gave.
    """
    held = {reason.rule for reason in before}
    found = (
        _battery(schedule, conditions, held="battery" in held),
        _hours(schedule, conditions),
        _load(schedule, conditions, held="load" in held),
    )
    return tuple(reason for reason in found if reason is not None)


def _battery(schedule: Schedule, conditions: Conditions, *, held: bool) -> Reason | None:
    if not conditions.on_battery or schedule.on_battery == "run":
        return None
    if schedule.on_battery == "pause":
        return Reason("battery", "on battery")
    percent = conditions.battery_percent
    limit = schedule.low_percent + (_CHARGED_PERCENT if held else 0)
    if percent is None or percent >= limit:
        return None
    return Reason("battery", f"on battery, which is low ({percent:.0f} %)")


def _hours(schedule: Schedule, conditions: Conditions) -> Reason | None:
    minute = int(conditions.at // _MINUTE_S)
    until = next_open(schedule.hours, minute, conditions.zone)
    if until == minute * _MINUTE_S:
        return None
    told = ", ".join(f"{_clock(start)}\N{EN DASH}{_clock(end)}" for start, end in schedule.hours)
    again = datetime.fromtimestamp(until, conditions.zone)
    return Reason("hours", f"outside {told}; goes on at {again:%H:%M}", until)


def _load(schedule: Schedule, conditions: Conditions, *, held: bool) -> Reason | None:
    limit = schedule.busy_percent * (_CALM_SHARE if held else 1.0)
    if not schedule.busy_percent or conditions.busy_percent <= limit:
        return None
    used = f"other programs use {conditions.busy_percent:.0f} % of its processors"
    return Reason("load", f"the computer is busy ({used})")


def hours_of(texts: Iterable[str]) -> Ranges:
    """Ranges such as ``22:00-07:00``, in local time.

    Raises:
        ValueError: The text of it is the one that is no range.
    """
    return tuple(_range(text) for text in texts)


def _range(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text.replace(" ", "").replace("\N{EN DASH}", "-"))
    if match is None:
        raise ValueError(text)
    first, first_min, last, last_min = map(int, match.groups())
    start, end = first * 60 + first_min, last * 60 + last_min
    if start >= _DAY_MIN or end > _DAY_MIN or start == end:
        raise ValueError(text)
    return start, end


@lru_cache(maxsize=4)
def next_open(hours: Ranges, minute: int, zone: tzinfo | None = None) -> int:
    """Unix time of the first minute, from one on, that lies within the hours.

    Args:
        hours: The hours; empty is always.
        minute: Whole minutes since the epoch.
        zone: The time zone; None is that of the system.
    """
    # Minute by minute, because a day may have 23 or 25 hours, and lack those that are named.
    for later in range(_LONGEST_WAIT_MIN):
        at = (minute + later) * _MINUTE_S
        if is_open(hours, datetime.fromtimestamp(at, zone)):
            return at
    return (minute + _LONGEST_WAIT_MIN) * _MINUTE_S


def is_open(hours: Ranges, local: datetime) -> bool:
    """Whether a local time lies within the hours."""
    now = local.hour * 60 + local.minute
    return not hours or any(
        start <= now < end if start < end else now >= start or now < end for start, end in hours
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
