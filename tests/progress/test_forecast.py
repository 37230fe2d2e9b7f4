"""How long work is said to take: made-up work whose truth is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.progress.forecast import Backlog, Forecast, Queued

MB = 1_000_000


def texts(files: int, size_bytes: int = 1000, root_id: int = 1) -> Queued:
    return Queued(root_id, "text", files, files * size_bytes)


def read(forecast: Forecast, path: str, size_bytes: int, from_s: float, to_s: float) -> None:
    forecast.began(path, path, size_bytes, from_s)
    forecast.ended(path, to_s, passages=0)


def test_nothing_is_told_before_anything_is_known() -> None:
    forecast = Forecast(2, 0.0)
    backlog = Backlog((texts(100),), unembedded=None)
    assert forecast.outlook(backlog, 1.0).eta_s is None
    forecast.began("a", "/a.txt", 1000, 1.0)
    outlook = forecast.outlook(backlog, 2.0)
    assert (outlook.eta_s, outlook.roots, outlook.hands) == (None, {1: None}, {"a": None})


def test_when_nothing_is_left_no_time_is() -> None:
    assert Forecast(2, 0.0).outlook(Backlog(), 1.0).eta_s == 0
    assert Forecast(2, 0.0).outlook(Backlog(unembedded=None), 1.0).eta_s == 0


@given(st.floats(0.05, 20.0), st.integers(20, 10_000))
def test_equal_files_take_as_long_as_those_before(each_s: float, left: int) -> None:
    forecast, now_s = Forecast(2, 0.0), 0.0
    for _ in range(100):
        read(forecast, "/a.txt", 1000, now_s, now_s + each_s)
        now_s += each_s
    told = forecast.outlook(Backlog((texts(left),), unembedded=None), now_s).eta_s
    assert told == pytest.approx(left * each_s, rel=0.1)


def test_a_pause_is_no_time_at_all() -> None:
    forecast = Forecast(2, 0.0)
    for number in range(100):
        forecast.began("a", "/a.txt", 1000, number * 1000.0)
        forecast.pause(number * 1000.0 + 0.5, paused=True)
        assert forecast.outlook(Backlog((texts(9),)), number * 1000.0 + 1).eta_s is None
        forecast.pause(number * 1000.0 + 998.5, paused=False)
        forecast.ended("a", number * 1000.0 + 999.0, passages=0)
    told = forecast.outlook(Backlog((texts(50),), unembedded=None), 100_000.0).eta_s
    assert told == pytest.approx(50, rel=0.1)


def test_a_file_in_hand_is_judged_by_its_own_steps() -> None:
    forecast = Forecast(2, 0.0)
    forecast.began("a", "/a.pdf", MB, 0.0)
    for page in range(31):
        forecast.step("a", "extracting", page, 100, 2.0 * page)
    assert forecast.outlook(Backlog(), 60.0).hands["a"] == pytest.approx(140)
    # Half a page later, half a page less.
    assert forecast.outlook(Backlog(), 61.0).hands["a"] == pytest.approx(139)


def test_a_resumed_file_is_judged_by_what_was_done_since() -> None:
    forecast = Forecast(2, 0.0)
    forecast.began("a", "/a.mp3", 100 * MB, 0.0)
    for second in range(0, 1001, 100):
        forecast.step("a", "transcribing", 5000 + second, 7000, second / 10)
    assert forecast.outlook(Backlog(), 100.0).hands["a"] == pytest.approx(100)


def test_recordings_wait_for_their_own_reader_only() -> None:
    forecast, now_s = Forecast(8, 0.0), 0.0
    for _ in range(20):
        read(forecast, "/a.wav", MB, now_s, now_s + 10)
        read(forecast, "/a.txt", 1000, now_s, now_s + 1)
        now_s += 10
    queued = (Queued(1, "wave", 5, 5 * MB), texts(10, root_id=2))
    outlook = forecast.outlook(Backlog(queued, unembedded=None), now_s)
    assert outlook.eta_s == pytest.approx(50, rel=0.3)
    assert outlook.roots[1] == pytest.approx(outlook.eta_s)
    texts_s = outlook.roots[2]
    assert texts_s is not None
    assert texts_s < 30


def test_a_root_has_the_time_of_its_files_in_hand_too() -> None:
    forecast = Forecast(2, 0.0)
    for number in range(10):
        read(forecast, "/a.txt", 1000, number, number + 0.5)
    forecast.began("b", "/b.txt", 1000, 10.0)
    held = Backlog(held=(texts(1, root_id=4),), unembedded=None)
    assert forecast.outlook(held, 10.1).roots.keys() == {4}


def test_what_has_no_vectors_yet_counts_with_what_is_still_to_come() -> None:
    forecast, now_s = Forecast(2, 0.0), 0.0
    for _ in range(50):
        forecast.embedding(now_s)
        forecast.embedded(64, now_s + 1)
        now_s += 1
    assert forecast.outlook(Backlog(unembedded=640), now_s).eta_s == pytest.approx(10, rel=0.05)
    for _ in range(200):
        forecast.began("a", "/a.txt", 1000, now_s)
        forecast.ended("a", now_s + 0.001, passages=64)
        now_s += 0.001
    later = forecast.outlook(Backlog((texts(10),), unembedded=640), now_s + 100).eta_s
    assert later == pytest.approx(20, rel=0.2)


def test_a_few_vectors_at_a_time_say_little_of_many() -> None:
    forecast, now_s = Forecast(2, 0.0), 0.0
    for passages, seconds in [(64, 1.0)] * 20 + [(1, 0.1)] * 20:
        forecast.embedding(now_s)
        forecast.embedded(passages, now_s + seconds)
        now_s += seconds
    told = forecast.outlook(Backlog(unembedded=6400), now_s).eta_s
    assert told == pytest.approx(100, rel=0.15)


def test_a_file_that_was_put_off_says_nothing() -> None:
    forecast = Forecast(2, 0.0)
    for number in range(10):
        forecast.began("a", "/a.txt", 1000, number)
        forecast.ended("a", number + 0.9, passages=None)
    assert forecast.costs.seen() == 0


def test_the_time_that_is_shown_does_not_jump() -> None:
    forecast, now_s = Forecast(2, 0.0), 0.0
    for _ in range(50):
        read(forecast, "/a.txt", 1000, now_s, now_s + 1)
        now_s += 1
    first = forecast.outlook(Backlog((texts(100),), unembedded=None), now_s).eta_s
    assert first is not None
    then = forecast.outlook(Backlog((texts(300),), unembedded=None), now_s + 0.5).eta_s
    assert then is not None
    assert first < then < first * 1.3
    settled = forecast.outlook(Backlog((texts(300),), unembedded=None), now_s + 120).eta_s
    assert settled == pytest.approx(300, rel=0.1)


@given(st.data())
def test_whatever_happens_what_is_told_is_a_time_or_not_known(data: st.DataObject) -> None:
    forecast, now_s = Forecast(2, 0.0), 0.0
    hands: list[str] = []
    paths = ["/a.txt", "/b.pdf", "/c.wav", "/d.jpg", "/e"]
    for number in range(data.draw(st.integers(0, 40))):
        now_s += data.draw(st.floats(0, 1000))
        act = data.draw(st.sampled_from(["began", "step", "ended", "batch", "pause"]))
        if act == "began":
            hands.append(str(number))
            forecast.began(str(number), data.draw(st.sampled_from(paths)), number, now_s)
        elif act == "step" and hands:
            done = data.draw(st.integers(0, 9))
            forecast.step(hands[-1], data.draw(st.sampled_from("xy")), done, 9, now_s)
        elif act == "ended" and hands:
            forecast.ended(hands.pop(0), now_s, data.draw(st.none() | st.integers(0, 99)))
        elif act == "batch":
            forecast.embedding(now_s)
            forecast.embedded(data.draw(st.integers(0, 64)), now_s)
        elif act == "pause":
            forecast.pause(now_s, paused=data.draw(st.booleans()))
        left = data.draw(st.none() | st.integers(0, 10**6))
        told = forecast.outlook(Backlog((texts(number),) if number % 2 else (), (), left), now_s)
        times = [told.eta_s, *told.roots.values(), *told.hands.values()]
        assert all(time is None or 0 <= time < float("inf") for time in times)
