"""What keeps a root from being looked through for long: told all the while, logged once."""

from __future__ import annotations

import logging

import pytest

from prismd.watch.mounts import Mounts
from prismd.watch.state import WatchState
from tests.building import wait_until
from tests.watch.place import Place


def test_a_root_that_cannot_be_looked_through_for_long_is_logged_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[int] = []

    def find_mounts() -> Mounts:
        looks.append(1)
        return Mounts()

    with caplog.at_level(logging.INFO), place.watching(find_mounts=find_mounts) as watching:
        wait_until(watching.swept)
        pages = int(place.database.read(lambda c: c.pragma("page_count")))
        place.database.write(lambda c: c.pragma("max_page_count", pages))
        for number in range(500):
            (place.folder / f"{number} {'long name' * 20}.txt").write_text("x")
        wait_until(lambda: "free some disk space" in watching.state_of(1).detail)
        before = len(looks)
        wait_until(lambda: len(looks) > before + 20)
        place.database.write(lambda c: c.pragma("max_page_count", 1_000_000))
        wait_until(lambda: len(place.names()) == 500)
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))
    assert caplog.messages == [
        f"watching {place.folder}: {place.database.path}: its disk is full; free some disk space"
    ]
