"""How the computer stands, as the schedule asks for it."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime

import pytest

from prismd.schedule.machine import Machine, OthersLoad, used_seconds
from prismd.schedule.schedule import Schedule


class Meter:
    """Processor seconds that go as they are told."""

    def __init__(self) -> None:
        self.at_s = self.all_s = self.own_s = 0.0

    def __call__(self) -> tuple[float, float, float]:
        return self.at_s, self.all_s, self.own_s

    def go(self, seconds: float, *, others: float, own: float) -> None:
        self.at_s += seconds
        self.all_s += seconds * (others + own)
        self.own_s += seconds * own


def test_own_work_is_never_taken_for_that_of_others() -> None:
    meter = Meter()
    load = OthersLoad(meter, processors=4)
    for _ in range(100):
        meter.go(3, others=0, own=4)
        assert load.percent() == pytest.approx(0.0)


def test_the_work_of_others_counts_by_and_by_beside_our_own() -> None:
    meter = Meter()
    load = OthersLoad(meter, processors=4)
    meter.go(3, others=2, own=2)
    assert 0 < load.percent() < 5  # a moment's work is none
    for _ in range(200):
        meter.go(3, others=2, own=2)
        load.percent()
    assert load.percent() == pytest.approx(50.0, abs=0.1)
    for _ in range(200):
        meter.go(3, others=0, own=4)
        load.percent()
    assert load.percent() == pytest.approx(0.0, abs=0.1)


def test_figures_that_cannot_be_stay_within_bounds() -> None:
    meter = Meter()
    load = OthersLoad(meter, processors=1)
    assert load.percent() == 0.0  # no time has passed
    meter.go(60, others=-5, own=9)
    assert load.percent() == 0.0
    meter.go(600, others=50, own=0)
    assert 99 < load.percent() <= 100


def test_processes_that_have_ended_count_as_ours() -> None:
    _, all_before_s, own_before_s = used_seconds()
    spin = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    _, all_after_s, own_after_s = used_seconds()
    assert own_after_s - own_before_s >= 0.4
    assert all_after_s > all_before_s


def test_only_what_has_a_rule_is_looked_at() -> None:
    machine = Machine()
    before = time.time()
    none = machine.conditions(Schedule(on_battery="run"))
    assert (none.on_battery, none.battery_percent, none.busy_percent) == (False, None, 0.0)
    assert before <= none.at <= time.time()
    some = machine.conditions(Schedule(busy_percent=50))
    assert 0.0 <= some.busy_percent <= 100.0


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone is fixed at the start here")
def test_hours_go_by_the_time_zone_that_the_computer_is_in_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    for zone, hour in (("AAA-5", 5), ("BBB+3", 21)):
        monkeypatch.setenv("TZ", zone)
        machine.conditions(Schedule(on_battery="run"))
        assert datetime.fromtimestamp(0).hour == hour
    monkeypatch.undo()
    time.tzset()
