"""The clock notices that the process stood still, and that somebody set the time."""

from __future__ import annotations

import pytest

from prismd.watch.clock import BEAT_S, Beat, Clock


class Time:
    def __init__(self) -> None:
        self.passed_s = 1000.0
        self.wall_s = 1_800_000_000.0

    def go_on(self, seconds: float) -> None:
        self.passed_s += seconds
        self.wall_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def clock(time: Time) -> Clock:
    return Clock(lambda: time.passed_s, lambda: time.wall_s)


def test_a_regular_beat_says_nothing(time: Time, clock: Clock) -> None:
    for late_s in (0.0, 0.3, 1.0):
        time.go_on(BEAT_S + late_s)
        assert clock.beat() == Beat()


def test_a_process_that_stood_still_was_away_once(time: Time, clock: Clock) -> None:
    time.go_on(60)
    assert clock.beat() == Beat(away=True)
    time.go_on(BEAT_S)
    assert clock.beat() == Beat()


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 5.0, -5.0])
def test_a_clock_that_was_set_is_noticed_once(time: Time, clock: Clock, by_s: float) -> None:
    time.go_on(BEAT_S)
    time.wall_s += by_s
    assert clock.beat() == Beat(was_set=True)
    time.go_on(BEAT_S)
    assert clock.beat() == Beat()


def test_a_clock_that_is_slowed_down_bit_by_bit_was_not_set(time: Time, clock: Clock) -> None:
    for _ in range(100):
        time.go_on(BEAT_S)
        time.wall_s -= 0.1
        assert clock.beat() == Beat()


def test_the_clocks_of_the_system_agree() -> None:
    assert Clock().beat() == Beat()
