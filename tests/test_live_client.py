"""Following real daemons that come and go, hang, and are not who they are taken for."""

from __future__ import annotations

import errno
import http.server
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from prismd.cli.context import Context
from prismd.errors import DaemonSilent, DaemonUnreachable, PrismdError
from prismd.live_client import SILENT_S, Lost, Reach, follow
from tests.cli.harness import Place

MOST = 5_000
"""Of what is told; more than that, and what was awaited does not come."""
NOW_S = 0.05


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)


def reach_of(place: Place) -> Reach:
    return Context(place.config, {"data_dir": place.data_dir}).daemon


class Follower:
    """Follows, and does not wait long before the next try."""

    def __init__(self, reach: Reach, silent_s: float = SILENT_S) -> None:
        self.rests_s: list[float] = []
        self._told = follow(reach, self._rest, silent_s)

    def _rest(self, seconds: float) -> None:
        self.rests_s.append(seconds)
        threading.Event().wait(NOW_S)

    def until(self, awaited: Callable[[Any], bool]) -> Any:
        """The first thing told that is awaited; messages decoded."""
        for told in islice(self._told, MOST):
            found = told if isinstance(told, Lost) else msgspec.json.decode(told)
            if awaited(found):
                return found
        raise AssertionError("it was not told")

    def lost(self) -> PrismdError:
        """Why there is nothing to follow, as soon as that is so."""
        error: PrismdError = self.until(lambda told: isinstance(told, Lost)).error
        return error

    def met(self) -> dict[str, Any]:
        """What is told first as soon as there is something to follow."""
        found: dict[str, Any] = self.until(lambda told: not isinstance(told, Lost))
        return found


def test_a_daemon_that_comes_goes_and_comes_back_with_another_token_is_followed(
    place: Place,
) -> None:
    follower = Follower(reach_of(place))
    assert type(follower.lost()) is DaemonUnreachable
    with place.daemon():
        assert (follower.met()["type"], follower.rests_s[0]) == ("snapshot", 2.0)
    assert type(follower.lost()) is DaemonUnreachable
    (place.data_dir / "token").unlink()
    follower.rests_s.clear()
    with place.daemon():
        first = follower.met()
        assert (first["type"], first["seq"]) == ("snapshot", 1)
    assert follower.rests_s[0] == 1.0  # soon, once it was there


def test_one_that_does_not_come_is_looked_for_less_and_less_often(place: Place) -> None:
    follower = Follower(reach_of(place))
    for _ in range(6):
        assert type(follower.lost()) is DaemonUnreachable
    assert follower.rests_s == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_daemon_that_hangs_is_told_from_one_that_is_not_there(place: Place) -> None:
    with place.daemon() as daemon:
        follower = Follower(reach_of(place), silent_s=0.5)
        follower.met()
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            assert isinstance(follower.lost(), DaemonSilent)
            again = follower.lost()
            assert isinstance(again, DaemonSilent)
            assert f"(process {daemon.process.pid}), but does not answer" in str(again)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        follower.met()


def test_one_that_does_not_take_the_token_is_said_so_be_it_another_or_the_own(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    with place.daemon() as daemon:
        other.data_dir.mkdir()
        named = (place.data_dir / "daemon.json").read_bytes()
        (other.data_dir / "daemon.json").write_bytes(named)  # its process had that number once
        assert "does not take this data directory's token" in str(Follower(reach_of(other)).lost())
        follower = Follower(reach_of(place))
        follower.met()
        token = place.data_dir / "token"
        before = token.read_text()
        token.write_text("prism-another")
        again = Follower(reach_of(place))
        assert "does not take this data directory's token" in str(again.lost())
        token.write_text(before)
        assert again.met()["type"] == "snapshot"
        assert daemon.process.poll() is None


@pytest.fixture
def foreign() -> Iterator[Reach]:
    """The way to something else that listens where a daemon was."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield lambda: closing(
            httpx.Client(base_url=address, headers={"Authorization": "x"}, trust_env=False)
        )
        server.shutdown()
        thread.join()


class _Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Not among the test's output."""


def test_what_the_system_refuses_is_told_and_tried_again(foreign: Reach) -> None:
    refusals = iter([OSError(errno.EMFILE, os.strerror(errno.EMFILE))])

    def reach() -> AbstractContextManager[httpx.Client]:
        for refusal in refusals:
            raise refusal
        return foreign()

    follower = Follower(reach)
    assert str(follower.lost()).startswith("prismd cannot be followed (Too many open files);")
    assert str(follower.lost()).startswith("prismd runs, but cannot be followed")


def test_what_is_no_daemon_is_not_followed(foreign: Reach) -> None:
    error = Follower(foreign).lost()
    assert not isinstance(error, DaemonUnreachable)
    assert "cannot be followed" in str(error)
