"""Progress of a long reading, told and paced."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.extract.steps import Paced, listening, step, within


def test_steps_reach_whoever_listens_and_nobody_else() -> None:
    heard: list[tuple[int, int]] = []
    step(1, 3)
    with listening(lambda done, total: heard.append((done, total))):
        step(2, 3)
    step(3, 3)
    assert heard == [(2, 3)]


def test_between_two_steps_others_are_held_back() -> None:
    heard: list[tuple[int, int]] = []
    paced = Paced(lambda done, total: heard.append((done, total)), interval_s=3600)
    for done in range(1, 10):
        paced(done, 10)
    assert heard == [(1, 10)]
    paced.flush()
    paced.flush()
    assert heard == [(1, 10), (9, 10)]


def test_the_last_step_is_not_held_back() -> None:
    heard: list[tuple[int, int]] = []
    paced = Paced(lambda done, total: heard.append((done, total)), interval_s=3600)
    for done in range(1, 6):
        paced(done, 5)
    assert heard == [(1, 5), (5, 5)]


def test_a_step_that_says_the_same_as_the_last_is_held_back_like_any_other() -> None:
    heard: list[tuple[int, int]] = []
    paced = Paced(lambda done, total: heard.append((done, total)), interval_s=3600)
    for _ in range(5):
        paced(1, 1)
    assert heard == [(1, 1)]
    paced = Paced(lambda done, total: heard.append((done, total)), interval_s=0)
    paced(1, 1)
    paced(1, 1)
    assert heard == [(1, 1)] * 3


def test_steps_within_a_part_tell_of_the_whole() -> None:
    heard: list[tuple[int, int]] = []
    with within(1, 2):
        step(5, 5)
    with listening(lambda done, total: heard.append((done, total))):
        step(1, 4)
        with within(1, 4):
            step(1, 1)
            with within(7, 9):
                step(8, 9)
        step(2, 4)
    assert heard == [(1, 4), (1, 4), (1, 4), (2, 4)]


@given(st.lists(st.integers(0, 100), min_size=1), st.sampled_from([0.0, 3600.0]))
def test_whatever_is_held_back_the_newest_step_arrives(done: list[int], interval_s: float) -> None:
    heard: list[tuple[int, int]] = []
    paced = Paced(lambda at, total: heard.append((at, total)), interval_s)
    for at in done:
        paced(at, 101)
    paced.flush()
    assert heard[0] == (done[0], 101)
    assert heard[-1] == (done[-1], 101)
    assert len(heard) <= len(done)
