"""When an engine's memory is given back, and what is told of one that died."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from prismd.child import ChildDied, ChildError, ChildTimeout
from prismd.models.engine import IdleUnload, crash_of, engine_lost, sleeping_threads

_AT_ONCE_S = 0.001
_NEVER_IN_THIS_TEST_S = 3600.0


@pytest.fixture(autouse=True)
def timers(monkeypatch: pytest.MonkeyPatch) -> list[threading.Timer]:
    """Every timer that is made."""
    made: list[threading.Timer] = []

    class Noted(threading.Timer):
        def start(self) -> None:
            made.append(self)
            super().start()

    monkeypatch.setattr(threading, "Timer", Noted)
    return made


def let_it_run_out(idle: IdleUnload, timers: list[threading.Timer]) -> None:
    """Begin a rest, and wait until its time is over and the thread that sees to it has ended."""
    idle.begin()
    timers[-1].join()


def test_what_rests_for_long_is_unloaded_once_with_the_turn_held(
    timers: list[threading.Timer],
) -> None:
    turn, held = threading.Lock(), []
    idle = IdleUnload(turn, _AT_ONCE_S, lambda: held.append(turn.locked()))
    let_it_run_out(idle, timers)
    assert held == [True]
    assert not turn.locked()


def test_what_is_at_work_when_its_time_is_over_stays(timers: list[threading.Timer]) -> None:
    turn, unloaded = threading.Lock(), []
    idle = IdleUnload(turn, _AT_ONCE_S, lambda: unloaded.append(1))
    with turn:
        let_it_run_out(idle, timers)
    assert unloaded == []
    let_it_run_out(idle, timers)
    assert unloaded == [1]


class Turn:
    """A turn for which someone else works just before it is given."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._work = work

    def acquire(self, blocking: bool = True) -> bool:
        self._work()
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()


def test_work_that_came_while_the_time_ran_out_counts(timers: list[threading.Timer]) -> None:
    unloaded: list[int] = []
    turn = Turn(lambda: idle.end())
    idle = IdleUnload(turn, _AT_ONCE_S, lambda: unloaded.append(1))  # type: ignore[arg-type]
    let_it_run_out(idle, timers)
    assert unloaded == []


def test_a_rest_that_ends_leaves_no_thread_behind(timers: list[threading.Timer]) -> None:
    idle = IdleUnload(threading.Lock(), _NEVER_IN_THIS_TEST_S, lambda: None)
    idle.begin()
    idle.begin()
    idle.end()
    assert len(timers) == 2
    for timer in timers:
        timer.join(60)
        assert not timer.is_alive()


def test_what_may_rest_for_ever_has_no_timer(timers: list[threading.Timer]) -> None:
    IdleUnload(threading.Lock(), None, lambda: None).begin()
    assert timers == []


def test_an_unload_that_fails_gives_the_turn_back(
    monkeypatch: pytest.MonkeyPatch, timers: list[threading.Timer]
) -> None:
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: failed.append(told.exc_type))

    def fail() -> None:
        raise OSError("it does not end")

    turn = threading.Lock()
    let_it_run_out(IdleUnload(turn, _AT_ONCE_S, fail), timers)
    assert failed == [OSError]
    assert turn.acquire(blocking=False)


@pytest.mark.parametrize(
    ("error", "crash"),
    [
        (ChildDied("it died", signal_name="SIGILL"), "SIGILL"),
        (ChildDied("it died", signal_name="SIGKILL"), ""),
        (ChildDied("it died", exit_code=1), ""),
        (ChildTimeout("it is late"), ""),
    ],
)
def test_only_what_native_code_does_to_itself_is_a_crash(error: ChildError, crash: str) -> None:
    assert crash_of(error) == crash


def test_the_last_words_of_an_engine_are_told() -> None:
    died = ChildDied("m's engine ended", stderr="a warning\nout of handles \n")
    assert str(engine_lost("m", died)) == (
        "m: m's engine ended (out of handles); try again, and see `prismd doctor`"
    )
    late = ChildTimeout("m's engine is late")
    assert (
        str(engine_lost("m", late)) == "m: m's engine is late; try again, and see `prismd doctor`"
    )


def test_threads_sleep_unless_their_owner_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert sleeping_threads() == {"OMP_WAIT_POLICY": "passive"}
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    assert sleeping_threads() == {"OMP_WAIT_POLICY": "active"}
