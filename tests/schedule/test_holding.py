"""The pause and the schedule: what holds indexing back, and what lets it go on."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

import apsw
import pytest

from prismd.progress.progress import Progress
from prismd.schedule.holding import Hold, Holds, Scheduling
from prismd.schedule.schedule import Conditions, Reason, Schedule
from prismd.store.database import Database
from tests.building import wait_until

BATTERY = Reason("battery", "on battery")
HOURS = Reason("hours", "outside 22:00–07:00; goes on at 22:00", 5000.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Held:
    """Holds over an index, as after a start of prismd."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.running, self.progress = threading.Event(), Progress()
        self.holds = Holds(database, self.running, self.progress, clock)
        self.holds.recall()

    @property
    def goes_on(self) -> bool:
        assert self.running.is_set() != self.progress.paused
        assert self.running.is_set() == (self.holds.standing() is None)
        return self.running.is_set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_pause_holds_until_resumed_and_over_a_restart(database: Database, clock: Clock) -> None:
    first = Held(database, clock)
    assert first.goes_on
    first.holds.pause()
    assert not first.goes_on
    again = Held(database, clock)
    assert again.holds.standing() == Hold("you")
    clock.now += 1e9
    again.holds.look(())
    assert not again.goes_on
    again.holds.resume()
    assert again.goes_on
    assert Held(database, clock).goes_on


def test_a_pause_for_some_time_ends_by_itself(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.pause(900)
    assert held.holds.standing() == Hold("you", until=1900.0)
    clock.now = 1899.0
    held.holds.look(())
    assert not held.goes_on
    clock.now = 1900.0
    held.holds.look(())
    assert held.goes_on
    assert Held(database, clock).goes_on


def test_a_pause_for_some_time_outlives_a_restart_with_its_end(
    database: Database, clock: Clock
) -> None:
    Held(database, clock).holds.pause(900)
    clock.now = 1500.0
    again = Held(database, clock)
    assert again.holds.standing() == Hold("you", until=1900.0)
    clock.now = 1950.0
    assert Held(database, clock).goes_on
    again.holds.look(())
    assert again.goes_on


def test_a_clock_that_was_set_back_does_not_lengthen_a_pause(
    database: Database, clock: Clock
) -> None:
    Held(database, clock).holds.pause(60)
    clock.now = -1e9
    assert Held(database, clock).holds.standing() == Hold("you", until=-1e9 + 60)


def test_a_pause_without_end_takes_the_place_of_one_with(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.pause(60)
    held.holds.pause()
    clock.now += 120
    held.holds.look(())
    assert held.holds.standing() == Hold("you")
    held.holds.pause(60)
    clock.now += 60
    held.holds.look(())
    assert held.goes_on


def test_the_schedule_holds_only_as_long_as_it_has_a_reason(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    held.holds.look((BATTERY,))
    assert held.holds.standing() == Hold("schedule", "on battery")
    assert not held.goes_on
    assert Held(database, clock).goes_on  # nothing of it is kept
    held.holds.look(())
    assert held.goes_on


def test_until_is_said_only_where_every_reason_has_an_end(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.look((HOURS,))
    assert held.holds.standing() == Hold("schedule", HOURS.why, 5000.0)
    held.holds.look((BATTERY, HOURS))
    assert held.holds.standing() == Hold("schedule", f"on battery; {HOURS.why}")


def test_resuming_ends_the_pause_and_not_the_schedules_hold(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    held.holds.pause()
    held.holds.look((BATTERY,))
    assert held.holds.standing() == Hold("you")  # the person's comes first
    held.holds.resume()
    assert held.holds.standing() == Hold("schedule", "on battery")
    assert not held.goes_on


def test_an_override_lasts_until_the_reason_has_gone(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.look((BATTERY,))
    held.holds.resume(override=True)
    assert held.goes_on
    assert held.holds.overridden() == ("on battery",)
    held.holds.look((BATTERY,))
    assert held.goes_on
    held.holds.look((BATTERY, HOURS))  # nobody has overridden this one
    assert held.holds.standing() == Hold("schedule", HOURS.why, 5000.0)
    held.holds.look(())
    assert held.holds.overridden() == ()
    held.holds.look((BATTERY,))
    assert not held.goes_on


def test_an_override_is_forgotten_by_a_restart(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.look((BATTERY,))
    held.holds.resume(override=True)
    again = Held(database, clock)
    again.holds.look((BATTERY,))
    assert not again.goes_on


def test_a_pass_goes_against_the_schedule_as_long_as_it_lasts(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    held.holds.look((BATTERY,))
    held.holds.keep_pass("ours", 60)
    held.holds.keep_pass("theirs", 60)
    assert held.goes_on
    assert held.holds.overridden() == ("on battery (until 'prismd index' ends)",)
    held.holds.look((BATTERY, HOURS))  # whatever comes meanwhile
    assert held.goes_on
    held.holds.keep_pass("ours", 0)
    assert held.goes_on
    held.holds.keep_pass("theirs", 0)
    assert not held.goes_on
    assert held.holds.overridden() == ()


def test_a_pass_of_which_nothing_is_heard_any_more_is_over(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    held.holds.look((BATTERY,))
    held.holds.keep_pass("killed", 0.01)

    def held_again() -> bool:
        held.holds.look((BATTERY,))
        return not held.goes_on

    wait_until(held_again)
    assert held.holds.standing() == Hold("schedule", "on battery")


def test_a_pass_leaves_what_a_person_has_asked_for(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.pause()
    held.holds.keep_pass("ours", 60)
    assert held.holds.standing() == Hold("you")
    held.holds.resume()
    held.holds.look((BATTERY,))
    held.holds.resume(override=True)
    held.holds.keep_pass("ours", 0)
    assert held.goes_on
    assert held.holds.overridden() == ("on battery",)


def test_loops_that_are_to_end_are_held_by_nothing(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    held.holds.pause()
    held.holds.end()
    assert held.running.is_set()
    held.holds.look((BATTERY,))
    held.holds.pause()
    assert held.running.is_set()


def test_the_schedule_is_looked_at_at_the_start_and_when_it_changes(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    on_battery = Conditions(at=0.0, on_battery=True, battery_percent=50.0)
    scheduling = Scheduling(held.holds, Schedule(on_battery="pause"), lambda _: on_battery)
    scheduling.start()
    try:
        assert not held.goes_on  # before anything else is begun
        scheduling.follow(Schedule(on_battery="low"))
        wait_until(held.running.is_set)
        scheduling.follow(Schedule(on_battery="low", low_percent=60))
        wait_until(lambda: not held.running.is_set())
    finally:
        scheduling.stop()


def test_conditions_that_cannot_be_told_hold_nothing_up(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    told = threading.Event()

    def conditions(_: Schedule) -> Conditions:
        told.set()
        raise ZeroDivisionError

    scheduling = Scheduling(held.holds, Schedule(), conditions)
    scheduling.start()
    assert told.is_set()
    assert held.goes_on
    scheduling.stop()


def test_conditions_that_cannot_be_told_any_more_let_go_what_they_held(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    told: list[Conditions] = [Conditions(at=0.0, on_battery=True)]
    scheduling = Scheduling(held.holds, Schedule(on_battery="pause"), lambda _: told.pop())
    scheduling.start()
    try:
        assert not held.goes_on
        scheduling.follow(Schedule(on_battery="pause"))  # by now there is nothing to pop
        wait_until(held.running.is_set)
        held.holds.pause(60)
        clock.now += 60
        scheduling.follow(Schedule(on_battery="pause"))
        wait_until(held.running.is_set)  # a pause ends, whatever the computer tells
    finally:
        scheduling.stop()


def test_the_log_tells_that_a_rule_holds_and_not_how_its_figure_moves(
    database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "prismd.schedule.holding")
    held = Held(database, clock)
    for percent in (61, 62, 63):
        held.holds.look((Reason("load", f"others use {percent} %"),))
    held.holds.look(())
    assert caplog.messages == ["indexing is paused: others use 61 %", "going on"]


@contextlib.contextmanager
def unwritable(database: Database) -> Iterator[None]:
    """Have another program keep the index from being written."""
    database.run_outside_transaction(lambda c: c.set_busy_timeout(10))
    other = apsw.Connection(str(database.path))
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def test_a_pause_that_cannot_be_written_down_holds_and_is_written_down_once_it_can(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    with unwritable(database):
        note = held.holds.pause()
        assert "could not be written down, so a restart would forget it (" in note
        assert "is locked by" in note
        assert held.progress.fault == note
        assert not held.goes_on
        held.holds.look(())
        assert held.progress.fault == note
        assert Held(database, clock).goes_on
    held.holds.look(())
    assert held.progress.fault == ""
    assert not Held(database, clock).goes_on


def test_resuming_takes_effect_though_it_cannot_be_written_down(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    held.holds.pause(900)
    with unwritable(database):
        note = held.holds.resume()
        assert "so a restart would pause it again (" in note
        assert held.goes_on
        assert not Held(database, clock).goes_on
    held.holds.look(())
    assert Held(database, clock).goes_on
    assert held.progress.fault == ""


def test_a_pause_that_was_never_written_down_leaves_nothing_to_be_undone(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    with unwritable(database):
        assert held.holds.pause()
        assert held.holds.resume() == ""
        assert held.progress.fault == ""
        assert held.goes_on


def test_a_pause_whose_end_cannot_be_written_down_ends_all_the_same(
    database: Database, clock: Clock
) -> None:
    held = Held(database, clock)
    held.holds.pause(60)
    clock.now += 60
    with unwritable(database):
        held.holds.look(())
        assert held.goes_on
        assert "so a restart would pause it again" in held.progress.fault
    held.holds.look(())
    assert held.progress.fault == ""
    clock.now -= 30  # within the time of the pause, had it not been undone
    assert Held(database, clock).goes_on


def test_whoever_pauses_or_resumes_last_is_remembered(database: Database, clock: Clock) -> None:
    held = Held(database, clock)
    switches: list[Callable[[], str]] = [held.holds.pause, held.holds.resume] * 8
    threads = [threading.Thread(target=switch) for switch in switches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Held(database, clock).goes_on == held.goes_on
