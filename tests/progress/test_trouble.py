"""Faults that last: told at once, logged once."""

from __future__ import annotations

import logging
import threading
import tracemalloc

import pytest

from prismd.errors import StoreError
from prismd.progress.trouble import CALM_S, Fault, Troubles

FULL = StoreError("prism.db: its disk is full; free some disk space")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def troubles(clock: Clock, caplog: pytest.LogCaptureFixture) -> Troubles:
    caplog.set_level(logging.INFO, "prismd.progress.trouble")
    return Troubles(now_s=clock)


def test_a_fault_that_lasts_is_logged_once(
    troubles: Troubles, caplog: pytest.LogCaptureFixture
) -> None:
    assert troubles.met("reading", FULL)
    for _ in range(1000):
        assert not troubles.met("reading", FULL)
    assert caplog.messages == [f"reading: {FULL}"]
    assert caplog.records[0].levelno == logging.ERROR
    assert caplog.records[0].exc_info is None
    assert troubles.of() == troubles.of("embedding", "reading") == str(FULL)
    assert troubles.of("embedding") == ""


def test_another_fault_of_the_same_part_is_news_and_an_old_one_is_not(
    troubles: Troubles, caplog: pytest.LogCaptureFixture
) -> None:
    for fault in ("a", "b", "a", "b"):
        assert troubles.met("reading", fault)
        assert troubles.of("reading") == fault
    assert caplog.messages == ["reading: a", "reading: b"]
    troubles.met("embedding", "a")
    assert caplog.messages[2:] == ["embedding: a"]


def test_the_end_is_logged_once_it_has_lasted_and_the_next_fault_is_news(
    troubles: Troubles, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    assert not troubles.gone("reading")
    troubles.met("reading", "a")
    assert troubles.gone("reading")
    assert troubles.of() == ""
    clock.now_s += CALM_S - 1
    assert not troubles.gone("reading")
    assert caplog.messages == ["reading: a"]
    clock.now_s += 1
    assert not troubles.gone("reading")
    assert not troubles.gone("reading")
    assert caplog.messages == ["reading: a", "reading: all is well again"]
    assert caplog.records[-1].levelno == logging.INFO
    troubles.met("reading", "a")
    assert caplog.messages[2:] == ["reading: a"]


def test_a_fault_that_comes_and_goes_all_the_time_is_one(
    troubles: Troubles, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        assert troubles.met("reading", "a")
        assert troubles.gone("reading")
        clock.now_s += CALM_S / 2
    assert caplog.messages == ["reading: a"]


def test_a_fault_whose_words_always_change_fills_no_log(
    troubles: Troubles, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1000):
        troubles.met("reading", f"fault {number}")
    assert troubles.of() == "fault 999"
    assert len(caplog.messages) < 50


def test_a_fault_of_our_own_is_logged_with_its_trace_and_told_without_its_words(
    troubles: Troubles, caplog: pytest.LogCaptureFixture
) -> None:
    troubles.met("embedding", LookupError("words of a document"))
    assert troubles.of().startswith("internal error: LookupError; please report this")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "words of a document" not in record.getMessage()


def test_of_many_threads_that_meet_the_same_fault_one_logs_it(
    troubles: Troubles, caplog: pytest.LogCaptureFixture
) -> None:
    threads = [
        threading.Thread(target=lambda: [troubles.met("reading", "a") for _ in range(200)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caplog.messages == ["reading: a"]


def test_of_words_that_always_change_no_more_are_kept_than_told(troubles: Troubles) -> None:
    tracemalloc.start()
    try:
        for number in range(2_000):
            troubles.met("reading", f"{number}".rjust(10_000))
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 2_000_000  # of 20,000,000


def test_all_faults_are_told_by_their_parts(troubles: Troubles) -> None:
    assert troubles.all() == ()
    troubles.met("reading", FULL)
    troubles.met("pictures", "the model fails")
    assert troubles.all() == (Fault("reading", str(FULL)), Fault("pictures", "the model fails"))
    troubles.gone("reading")
    assert troubles.all() == (Fault("pictures", "the model fails"),)


def test_the_age_of_a_fault_is_that_of_the_whole_time_of_trouble(
    troubles: Troubles, clock: Clock
) -> None:
    assert troubles.age_s("reading") == 0
    troubles.met("reading", "a")
    clock.now_s += 5
    troubles.met("reading", "b")
    clock.now_s += 5
    assert troubles.age_s("reading") == 10
    assert troubles.age_s("embedding") == 0
    troubles.gone("reading")
    assert troubles.age_s("reading") == 0
    clock.now_s += 1
    troubles.met("reading", "b")
    clock.now_s += 2
    assert troubles.age_s("reading") == 2
