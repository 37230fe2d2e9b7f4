"""Messages to a service manager, as they are sent."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.daemon.supervisor import Supervisor
from tests.service.manager import hearing


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_nothing_of_a_path_becomes_a_message(tmp_path: Path) -> None:
    with hearing(str(tmp_path / "notify")) as told:
        supervisor = Supervisor(told.address)
        supervisor.status("a\nMAINPID=1\n\udc80")
        told.await_value("STATUS")
        assert told.values("STATUS") == ["a MAINPID=1 ?"]
        assert told.values("MAINPID") == []


def test_a_long_start_asks_for_time_until_it_is_over(any_address: str) -> None:
    with hearing(any_address) as told:
        supervisor = Supervisor(told.address, extend_every_s=0.01)
        with pytest.raises(OSError), supervisor.starting("opening the index"):
            told.await_value("EXTEND_TIMEOUT_USEC", count=3)
            raise OSError
        supervisor.ready()
        told.await_value("READY")
        assert told.first_keys()[-1] == "READY"
        assert set(told.values("EXTEND_TIMEOUT_USEC")) == {"60000000"}


def test_who_was_ready_before_is_alive_while_it_starts(address: str) -> None:
    with hearing(address) as told:
        supervisor = Supervisor(told.address, 600.0, extend_every_s=0.01)
        with supervisor.starting("asking"):
            told.await_value("EXTEND_TIMEOUT_USEC", count=2)
        assert told.values("WATCHDOG") == []  # which would begin to count by the first
        supervisor.ready("waiting")
        with supervisor.starting("opening the index"):
            told.await_value("WATCHDOG", count=2)


def test_it_is_told_to_be_alive_as_often_as_its_watchdog_wants(address: str) -> None:
    with hearing(address) as told:
        supervisor = Supervisor(told.address, 0.04, extend_every_s=600.0)
        supervisor.ready("waiting")
        with supervisor.starting("opening the index"):
            told.await_value("WATCHDOG", count=3)


def test_the_same_is_told_once_and_nothing_after_the_end(any_address: str) -> None:
    with hearing(any_address) as told:
        supervisor = Supervisor(told.address)
        for status in ("idle", "idle", "indexing", "idle"):
            supervisor.status(status)
        for _ in range(2):
            supervisor.stopping()
        supervisor.status("indexing")
        supervisor.ready()
        with supervisor.reloading():
            pass
        supervisor.ping()
        told.await_value("WATCHDOG")
        assert told.values("STATUS") == ["idle", "indexing", "idle", "stopping"]
        assert told.first_keys() == [*["STATUS"] * 3, "STOPPING", "WATCHDOG"]


@pytest.mark.usefixtures("restless")
def test_what_is_told_while_it_ends_is_told_before_that_or_never(address: str) -> None:
    with hearing(address) as told:
        for number in range(1, 101):
            supervisor = Supervisor(told.address)
            tellers = [
                threading.Thread(target=supervisor.status, args=(f"{number}: idle",)),
                threading.Thread(target=supervisor.ready),
                threading.Thread(target=supervisor.stopping),
            ]
            for teller in tellers:
                teller.start()
            for teller in tellers:
                teller.join()
            told.await_value("STOPPING", count=number)
            assert told.first_keys()[-1] == "STOPPING"


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"NOTIFY_SOCKET": "/s"}, 0.0),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "1500000"}, 1.5),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, 0.0),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, 0.0),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "-1"}, 0.0),
        ({"WATCHDOG_USEC": "1500000"}, 0.0),
    ],
)
def test_the_environment_is_emptied_of_what_it_says(
    environment: dict[str, str], watchdog_s: float
) -> None:
    listens = "NOTIFY_SOCKET" in environment
    supervisor = Supervisor.take(environment)
    assert (supervisor.listens, supervisor.watchdog_s) == (listens, watchdog_s)
    assert environment == {}
