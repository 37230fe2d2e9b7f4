"""Roots that cannot be looked through, time and again: nobody waits for them, and all hear why."""

from __future__ import annotations

import threading

from prismd.watch.mounts import Mounts
from prismd.watch.state import WatchState
from prismd.watch.watcher import WatchSettings
from tests.building import wait_until
from tests.watch.place import Place

SETTINGS = WatchSettings(rescan_s=1e6, poll_s=1e6, retry_s=0.05)


class Failing:
    """A system that does not tell what is mounted, until it does."""

    def __init__(self) -> None:
        self.mended = threading.Event()

    def __call__(self) -> Mounts:
        if not self.mended.is_set():
            raise OSError(5, "Input/output error")
        return Mounts()


def test_a_root_that_cannot_be_looked_through_is_waited_for_by_nobody_and_told(
    place: Place,
) -> None:
    failing = Failing()
    place.write("a.txt")
    with place.watching(SETTINGS, find_mounts=failing) as made:
        wait_until(made.started)
        assert made.swept()
        assert made.failing() == {place.root.id}
        assert made.silent() == frozenset()
        assert "Input/output error);" in made.state_of(place.root.id).detail
        failing.mended.set()
        place.expect("a.txt")
        wait_until(lambda: made.state_of(place.root.id) == WatchState("watching"))
        assert made.failing() == frozenset()


def test_a_root_that_fails_once_is_waited_for(place: Place) -> None:
    failing = Failing()
    place.write("a.txt")
    with place.watching(
        WatchSettings(rescan_s=1e6, poll_s=1e6, retry_s=60), find_mounts=failing
    ) as made:
        wait_until(lambda: "Input/output" in made.state_of(place.root.id).detail)
        assert not made.swept()
        assert not made.started()
        assert made.failing() == frozenset()
