"""When the schedule lets files be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.schedule.schedule import (
    Conditions,
    Reason,
    Schedule,
    hours_of,
    is_open,
    judge,
    next_open,
)

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = hours_of(["22:00-07:00"])
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=BERLIN)


def conditions(at: datetime = NOON, **more: float | bool | None) -> Conditions:
    return Conditions(at=at.timestamp(), zone=at.tzinfo, **more)  # type: ignore[arg-type]


def rules(schedule: Schedule, now: Conditions, before: tuple[Reason, ...] = ()) -> list[str]:
    return [reason.rule for reason in judge(schedule, now, before)]


def test_by_default_only_a_low_battery_holds() -> None:
    assert judge(Schedule(), conditions()) == ()
    assert judge(Schedule(), conditions(on_battery=True, battery_percent=20.0)) == ()
    assert judge(Schedule(), conditions(on_battery=False, battery_percent=3.0)) == ()
    assert judge(Schedule(), conditions(busy_percent=100.0)) == ()
    assert judge(Schedule(), conditions(on_battery=True, battery_percent=19.0)) == (
        Reason("battery", "on battery, which is low (19 %)"),
    )


def test_on_battery_says_whether_to_run_on_or_to_pause_at_once() -> None:
    empty = conditions(on_battery=True, battery_percent=1.0)
    full = conditions(on_battery=True, battery_percent=100.0)
    assert judge(Schedule(on_battery="run"), empty) == ()
    assert judge(Schedule(on_battery="pause"), full) == (Reason("battery", "on battery"),)
    assert judge(Schedule(on_battery="pause"), conditions(battery_percent=50.0)) == ()


def test_a_battery_whose_charge_is_not_known_is_not_low() -> None:
    assert judge(Schedule(), conditions(on_battery=True, battery_percent=None)) == ()


def test_what_holds_does_not_flap() -> None:
    schedule = Schedule(busy_percent=50)
    low, busy = Reason("battery", ""), Reason("load", "")
    charging = conditions(on_battery=True, battery_percent=21.0)
    calmer = conditions(busy_percent=45.0)
    assert (rules(schedule, charging), rules(schedule, charging, (low,))) == ([], ["battery"])
    assert (rules(schedule, calmer), rules(schedule, calmer, (busy,))) == ([], ["load"])
    assert rules(schedule, conditions(busy_percent=34.0), (busy,)) == []
    assert rules(schedule, conditions(on_battery=True, battery_percent=23.0), (low,)) == []


def test_other_programs_hold_above_the_limit() -> None:
    schedule = Schedule(busy_percent=50)
    assert judge(schedule, conditions(busy_percent=50.0)) == ()
    (reason,) = judge(schedule, conditions(busy_percent=83.4))
    assert reason.why == "the computer is busy (other programs use 83 % of its processors)"
    assert reason.until is None


def test_outside_hours_it_says_until_when() -> None:
    (reason,) = judge(Schedule(hours=NIGHT), conditions())
    assert reason.why == "outside 22:00–07:00; goes on at 22:00"
    assert reason.until == NOON.replace(hour=22).timestamp()
    assert judge(Schedule(hours=NIGHT), conditions(NOON.replace(hour=23))) == ()


@pytest.mark.parametrize(
    ("clock", "opened"),
    [
        ("21:59", False), ("22:00", True), ("00:00", True), ("06:59", True), ("07:00", False),
        ("12:29", False), ("12:30", True), ("12:59", True), ("13:00", False),
    ],
)  # fmt: skip
def test_hours_are_half_open_and_may_cross_midnight(clock: str, opened: bool) -> None:
    hours = hours_of(["22:00-07:00", "12:30-13:00"])
    at = datetime.strptime(clock, "%H:%M")
    assert is_open(hours, at) == opened


@pytest.mark.parametrize(
    "text", ["", "22-7", "22:00", "24:00-07:00", "08:00-24:01", "08:60-09:00", "08:00-08:00", "x"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        hours_of([text])
    assert str(caught.value) == text


def test_a_range_may_end_at_midnight_and_be_written_with_spaces() -> None:
    assert hours_of(["18:00 - 24:00", "00:00–24:00"]) == ((1080, 1440), (0, 1440))
    assert is_open(hours_of(["18:00-24:00"]), datetime(2026, 1, 1, 23, 59))
    assert not is_open(hours_of(["18:00-24:00"]), datetime(2026, 1, 1, 0, 0))


def test_hours_that_a_day_lacks_begin_where_the_clock_jumps_over_them() -> None:
    # On 29 March 2026 Berlin has no time between 02:00 and 03:00.
    before = datetime(2026, 3, 29, 1, 0, tzinfo=BERLIN)
    jump = datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN)
    assert next_open(hours_of(["02:30-05:00"]), int(before.timestamp() // 60), BERLIN) == (
        jump.timestamp()
    )
    # Hours that lie within what is lacking come the day after.
    (reason,) = judge(Schedule(hours=hours_of(["02:10-02:50"])), conditions(before))
    assert reason.until == datetime(2026, 3, 30, 2, 10, tzinfo=BERLIN).timestamp()


def test_hours_that_a_day_has_twice_hold_twice() -> None:
    # On 25 October 2026 Berlin has the time between 02:00 and 03:00 twice.
    hours = hours_of(["02:00-02:30"])
    first = datetime(2026, 10, 25, 2, 0, tzinfo=BERLIN)
    between = first.timestamp() + 45 * 60
    second = first.replace(fold=1).timestamp()
    assert second == first.timestamp() + 3600
    assert next_open(hours, int(between // 60), BERLIN) == second


minutes = st.integers(0, 24 * 60 - 1)
ranges = st.tuples(minutes, minutes).filter(lambda r: r[0] != r[1])
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
zones = st.sampled_from(
    [UTC, BERLIN, *map(ZoneInfo, ["America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])]
)


@given(hours=st.lists(ranges, max_size=3).map(tuple), at=moments, zone=zones)
def test_it_goes_on_when_it_said_and_not_before(
    hours: tuple[tuple[int, int], ...], at: datetime, zone: ZoneInfo
) -> None:
    schedule = Schedule(hours=hours)
    now = Conditions(at=at.timestamp(), zone=zone)
    reasons = judge(schedule, now)
    assert bool(reasons) != is_open(hours, at.astimezone(zone))
    for reason in reasons:
        assert reason.until is not None
        opened = datetime.fromtimestamp(reason.until, UTC)
        assert at < opened <= at + timedelta(days=2)
        assert judge(schedule, Conditions(at=reason.until, zone=zone)) == ()
        assert judge(schedule, Conditions(at=reason.until - 1, zone=zone)) != ()


@given(range_=ranges, at=moments)
def test_a_range_and_its_complement_share_the_day_between_them(
    range_: tuple[int, int], at: datetime
) -> None:
    start, end = range_
    assert is_open(((start, end),), at) != is_open(((end, start),), at)
