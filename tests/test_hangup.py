"""SIGHUP, as a daemon takes it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from prismd.errors import StoreError
from prismd.hangup import on_hangup
from tests.building import wait_until


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


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
    on_hangup(reader, pytest.fail)
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
