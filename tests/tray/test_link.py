"""Following a real daemon that comes and goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from prismd import __version__
from prismd.cli.context import Context
from prismd.errors import PrismdError
from prismd.live_client import Reach
from prismd.tray.link import Link
from prismd.tray.standing import Standing
from tests.building import wait_until
from tests.cli.harness import Place
from tests.speaker import speaking
from tests.tray.statuses import IDLE


class Heard:
    """What a link has told."""

    def __init__(self) -> None:
        self.standings: list[Standing] = []
        self.status: dict[str, Any] = {}
        self.cited = 0

    @property
    def moods(self) -> list[str]:
        return [standing.mood for standing in self.standings]

    def link(self, place: Place) -> Link:
        """A link to the daemon of a place, begun."""
        context = Context(place.config, {"data_dir": place.data_dir})
        return self.follow(context.daemon)

    def follow(self, reach: Reach) -> Link:
        """A link to whatever is reached so, begun."""
        link = Link(reach, self.standings.append, self.status.update, self._cite)
        link.start()
        return link

    def _cite(self) -> None:
        self.cited += 1

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
        wait_until(lambda: heard.cited > 0)  # the last thing that is told of a status
        assert heard.status["version"] == daemon.status()["version"]
        daemon.client.post("/pause", json={}).raise_for_status()
        assert heard.await_mood("paused").held_by == "you"
    heard.await_mood("away")
    (place.data_dir / "token").unlink()
    with place.daemon() as daemon:
        heard.await_mood("paused")  # it outlives a restart
        daemon.client.post("/resume", json={}).raise_for_status()
        heard.await_mood("idle")


def test_a_daemon_that_is_expected_is_starting_until_it_is_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prismd.tray.link._EXPECTED_S", 3_600.0)  # however long a start takes
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


@contextmanager
def refusing() -> Iterator[httpx.Client]:
    raise PrismdError("token: others can read it; 'chmod 600' it")
    yield


def test_what_keeps_it_from_asking_is_told_and_it_goes_on_trying() -> None:
    standings: list[Standing] = []
    Link(refusing, standings.append, lambda status: None, lambda: None).start()
    wait_until(lambda: bool(standings))
    assert standings[0].line == "token: others can read it; 'chmod 600' it"
    assert standings[0].mood == "attention"


def snapshot(**status: object) -> dict[str, Any]:
    return {"type": "snapshot", "status": {**IDLE, "version": __version__, **status}}


def test_it_is_told_when_other_files_may_be_cited_but_not_of_an_encrypted_index() -> None:
    cited, counts = {"type": "cited"}, {"type": "status", "status": {"files": IDLE["files"]}}
    busy = {"type": "status", "status": {"files": IDLE["files"], "left": 3}}
    heard, secret = Heard(), Heard()
    # The first of what a daemon tells counts, whatever it has to do still.
    last = snapshot(passages=1, left=3)
    with speaking([snapshot(), cited, cited, counts, busy, last]) as reach:
        heard.follow(reach)
        wait_until(lambda: heard.status.get("passages") == 1 and heard.cited >= 5)
    with speaking([snapshot(encrypted=True), cited, counts, snapshot(encrypted=True, left=7)]) as r:
        secret.follow(r)
        wait_until(lambda: secret.status.get("left") == 7)
    assert (heard.cited, secret.cited) == (5, 0)


def test_a_daemon_of_a_version_that_it_does_not_understand_is_told_from_a_fault() -> None:
    newer = Heard()
    with speaking([{"type": "snapshot", "status": {"version": "99.0"}}]) as reach:
        newer.follow(reach)
        line = newer.await_mood("attention").line
    assert line.startswith(f"is version 99.0 now, and this icon is of {__version__}; quit the icon")
    broken = Heard()
    with speaking([{"type": "snapshot", "status": {"version": __version__}}]) as reach:
        broken.follow(reach)
        assert broken.await_mood("attention").line.startswith("internal error;")
