"""Following a real daemon that comes and goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from prismd.api.hub import LARGEST_CROWD
from prismd.cli.context import Context
from prismd.errors import PrismdError
from prismd.tray.link import Link
from prismd.tray.standing import Standing
from tests.building import wait_until
from tests.cli.harness import Place


class Heard:
    """What a link has told."""

    def __init__(self) -> None:
        self.standings: list[Standing] = []
        self.status: dict[str, Any] = {}

    @property
    def moods(self) -> list[str]:
        return [standing.mood for standing in self.standings]

    def link(self, place: Place) -> Link:
        """A link to the daemon of a place, begun."""
        context = Context(place.config, {"data_dir": place.data_dir})
        link = Link(context.daemon, self.standings.append, self.status.update)
        link.start()
        return link

    def await_mood(self, mood: str) -> Standing:
        wait_until(lambda: bool(self.standings) and self.standings[-1].mood == mood)
        return self.standings[-1]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)


def test_it_follows_a_daemon_that_comes_goes_and_comes_back_with_another_token(
    place: Place,
) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    heard = Heard()
    heard.link(place)
    assert heard.await_mood("away").line == "not running"
    with place.daemon() as daemon:
        daemon.await_idle()
        wait_until(lambda: heard.standings[-1].line == "up to date, 1 file")
        assert heard.status["version"] == daemon.status()["version"]
        daemon.client.post("/pause", json={}).raise_for_status()
        assert heard.await_mood("paused").held_by == "you"
    heard.await_mood("away")
    (place.data_dir / "token").unlink()
    with place.daemon() as daemon:
        heard.await_mood("paused")  # it outlives a restart
        daemon.client.post("/resume", json={}).raise_for_status()
        heard.await_mood("idle")
    assert "attention" not in heard.moods


def test_a_daemon_that_is_expected_is_starting_until_it_is_given_up(place: Place) -> None:
    heard = Heard()
    link = heard.link(place)
    heard.await_mood("away")
    link.expect()
    heard.await_mood("starting")
    link.give_up()
    heard.await_mood("away")
    link.expect()
    with place.daemon():
        heard.await_mood("idle")
        assert "away" not in heard.moods[heard.moods.index("starting") + 2 :]


def test_one_listener_too_many_is_told_why(place: Place) -> None:
    with place.daemon() as daemon, ExitStack() as crowd:
        for _ in range(LARGEST_CROWD):
            client = crowd.enter_context(
                connect(
                    f"ws://127.0.0.1:{place.port}/ws",
                    additional_headers={"Authorization": daemon.client.headers["Authorization"]},
                    proxy=None,
                )
            )
            client.recv()
        heard = Heard()
        heard.link(place)
        standing = heard.await_mood("attention")
        assert "clients listen already" in standing.line
        assert not standing.reachable
        crowd.close()
        heard.await_mood("idle")


@contextmanager
def refusing() -> Iterator[httpx.Client]:
    raise PrismdError("token: others can read it; 'chmod 600' it")
    yield


def test_what_keeps_it_from_asking_is_told_and_it_goes_on_trying() -> None:
    standings: list[Standing] = []
    Link(refusing, standings.append, lambda status: None).start()
    wait_until(lambda: bool(standings))
    assert standings[0].line == "token: others can read it; 'chmod 600' it"
    assert standings[0].mood == "attention"
