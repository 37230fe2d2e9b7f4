"""How the computer stands: its battery, and what other programs make of its processors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import psutil

from prismd.schedule.schedule import Conditions, Schedule

_SMOOTH_S = 60.0
_BUSY_FIELDS = ("user", "nice", "system", "irq", "softirq", "steal")


class Machine:
    """This computer, as the schedule asks for it; for one thread."""

    def __init__(self) -> None:
        self._others: OthersLoad | None = None

    def conditions(self, schedule: Schedule) -> Conditions:
        """How it stands now, as far as the schedule has a rule about it."""
        if hasattr(time, "tzset"):
            time.tzset()  # the computer may have travelled to another time zone
        on_battery, percent = _battery() if schedule.on_battery != "run" else (False, None)
        if not schedule.busy_percent:
            self._others = None
        elif self._others is None:
            self._others = OthersLoad()
        busy = self._others.percent() if self._others is not None else 0.0
        return Conditions(
            at=time.time(), on_battery=on_battery, battery_percent=percent, busy_percent=busy
        )


class OthersLoad:
    """Share of all processors that other programs use, smoothed over about a minute.

    The load average would count our own work, and with several threads to a processor more of it
    than can be told; used time is known for every process, so our own can be taken off exactly.

    Args:
        used: A moment, and the processor seconds used by all, and by prismd, up to then.
        processors: How many there are.
    """

    def __init__(
        self,
        used: Callable[[], tuple[float, float, float]] | None = None,
        processors: int | None = None,
    ) -> None:
        self._used = used or used_seconds
        self._processors = processors or psutil.cpu_count() or 1
        self._at_s, self._all_s, self._own_s = self._used()
        self._percent = 0.0

    def percent(self) -> float:
        """The share as of now."""
        at_s, all_s, own_s = self._used()
        passed_s = at_s - self._at_s
        if passed_s > 0:
            others_s = (all_s - self._all_s) - (own_s - self._own_s)
            share = others_s / passed_s / self._processors
            weight = 1 - math.exp(-passed_s / _SMOOTH_S)
            self._percent += weight * (100 * min(max(share, 0.0), 1.0) - self._percent)
            self._at_s, self._all_s, self._own_s = at_s, all_s, own_s
        return self._percent


def _battery() -> tuple[bool, float | None]:
    """Whether the computer runs on its battery, and its charge in percent."""
    find = getattr(psutil, "sensors_battery", None)  # not on every system
    try:
        battery = find() if find is not None else None
    except (OSError, ValueError, psutil.Error):
        return False, None  # what cannot be told holds nothing up
    if battery is None:
        return False, None
    return battery.power_plugged is False, float(battery.percent)


def used_seconds() -> tuple[float, float, float]:
    """A moment, and the processor seconds used by all, and by prismd, up to then."""
    times = psutil.cpu_times()
    everybody = sum(getattr(times, field, 0.0) for field in _BUSY_FIELDS)
    own = psutil.Process()
    return time.monotonic(), everybody, sum(map(_spent, [own, *own.children(recursive=True)]))


def _spent(process: psutil.Process) -> float:
    """Seconds of a process, and of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system
