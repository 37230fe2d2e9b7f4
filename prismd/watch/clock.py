"""Tells when the process, or the clock, was not where it should be."""

from __future__ import annotations

import time
from collections.abc import Callable

_LATE_S = 5.0
_DRIFT_S = 2.0


class Clock:
    """Notices that the process stood still, the computer slept, or the clock was set.

    Args:
        monotonic: Seconds that pass while the computer runs.
        wall: Seconds since the epoch, as the computer has them.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._expected_s = monotonic()
        self._drift_s = wall() - monotonic()

    def expect(self, within_s: float) -> None:
        """Say that ``was_away`` will be asked within so long."""
        self._expected_s = self._monotonic() + within_s

    def was_away(self) -> bool:
        """Whether it is much later than was expected: events may have been lost meanwhile."""
        return self._monotonic() > self._expected_s + _LATE_S

    def was_set(self) -> bool:
        """Whether the clock was set, or the computer slept, since this was asked last."""
        drift_s = self._wall() - self._monotonic()
        moved_s = abs(drift_s - self._drift_s)
        self._drift_s = drift_s
        return moved_s > _DRIFT_S
