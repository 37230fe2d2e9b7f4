"""Signals, as a daemon takes them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from prismd.daemon.hangup import Signals
from prismd.errors import StoreError
from tests.building import wait_until

HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HEEDED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Reader:
    """Reads for as long as it is held, and counts how often, and in how many threads at once."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        assert self.go_on.wait(60)
        self.ended += 1
        raise StoreError("the disk is full")  # which ends nothing


def test_however_many_come_it_reads_once_more_for_all_of_them() -> None:
    reader = Reader()
    Signals().serve(reader, pytest.fail)
    signal.raise_signal(signal.SIGHUP)
    wait_until(lambda: reader.begun == 1)
    for _ in range(50):
        signal.raise_signal(signal.SIGHUP)
    assert reader.begun == 1  # one at a time
    reader.go_on.set()
    wait_until(lambda: reader.ended == 2)
    reader.go_on.clear()
    signal.raise_signal(signal.SIGHUP)
    wait_until(lambda: reader.begun == 3)  # the second was the only one for all fifty
    reader.go_on.set()
    wait_until(lambda: reader.ended == 3)


def test_what_is_asked_during_the_start_is_done_once_it_serves() -> None:
    reader = Reader()
    reader.go_on.set()
    signals = Signals()
    for _ in range(3):
        signal.raise_signal(signal.SIGHUP)
    assert not signals.ending
    signals.serve(reader, pytest.fail)
    wait_until(lambda: reader.ended == 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_during_the_start_is_remembered(number: signal.Signals) -> None:
    signals = Signals()
    signal.raise_signal(number)
    assert signals.ending
    stopped: list[bool] = []
    signals.serve(Reader(), lambda: stopped.append(signals.ending))
    assert stopped == [True]
    signal.raise_signal(number)
    assert stopped == [True, True]


def test_ctrl_c_does_not_end_what_a_script_runs_beside_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals = Signals()
    signal.raise_signal(signal.SIGINT)
    assert not signals.ending
    signal.raise_signal(signal.SIGTERM)
    assert signals.ending
