"""Work that goes on side by side, and how sharing the cores of a machine slows it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Lane(msgspec.Struct, frozen=True):
    """Work that goes on beside other work.

    Attributes:
        work_s: How long it would take alone.
        cores: How many cores it keeps busy.
    """

    work_s: float
    cores: float


def ends(lanes: Iterable[Lane], cores: float) -> list[float]:
    """When each of the lanes ends; those without work end at once."""
    lanes = list(lanes)
    left = [max(lane.work_s, 0.0) for lane in lanes]
    ended = [0.0] * len(lanes)
    at_s = 0.0
    while active := [number for number, work_s in enumerate(left) if work_s > 0]:
        together = pace((lanes[number].cores for number in active), cores)
        shortest = min(left[number] for number in active)
        at_s += shortest / together
        for number in active:
            left[number] -= shortest
            if left[number] <= 0:
                left[number], ended[number] = 0.0, at_s
    return ended


def pace(wanted: Iterable[float], cores: float) -> float:
    """How fast work goes that wants so many cores each, of which there are so many; 1 is alone."""
    return min(1.0, cores / max(sum(wanted), 1e-9))
