"""Tells when the process, or the clock, was not where it should be."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

_BOOT = getattr(time, "CLOCK_BOOTTIME", None)
BEAT_S = 0.5
"""How often ``Clock.beat`` is to be called."""
_LATE_S = 1.5
_DRIFT_S = 2.0


def _passed_s() -> float:
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


def _wall_s() -> float:
    return time.time()


class Beat(msgspec.Struct, frozen=True):
    """What happened since the last beat.

    Attributes:
        away: Whether the process stood still, or the computer slept: events may have been lost
            meanwhile, and disks exchanged.
        was_set: Whether the clock was set.
    """

    away: bool = False
    was_set: bool = False


class Clock:
    """Notices that the process stood still, the computer slept, or the clock was set.

    Args:
        passed: Seconds that pass, whether or not the computer sleeps.
        wall: Seconds since the epoch, as the computer has them.
    """

    def __init__(
        self,
        passed: Callable[[], float] = _passed_s,
        wall: Callable[[], float] = _wall_s,
    ) -> None:
        self._passed = passed
        self._wall = wall
        self._last_s = passed()
        self._drift_s = wall() - self._last_s

    def beat(self) -> Beat:
        """Say what happened since this was called last, ``BEAT_S`` ago if all is well."""
        now_s = self._passed()
        drift_s = self._wall() - now_s
        away = now_s - self._last_s > BEAT_S + _LATE_S
        was_set = abs(drift_s - self._drift_s) > _DRIFT_S
        self._last_s, self._drift_s = now_s, drift_s
        return Beat(away, was_set)
