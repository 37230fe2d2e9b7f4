"""The parts of the tray put together, without a screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from prismd.errors import DaemonUnreachable
from prismd.tray.backend import Backend
from prismd.tray.cited import Cited
from prismd.tray.power import Launch
from prismd.tray.running import Settings, _Tray
from prismd.tray.standing import AWAY, standing_of
from tests.tray.statuses import IDLE

LEASE = (Cited("a1", "/d/lease.pdf", "page 3"),)


@contextmanager
def nowhere() -> Iterator[httpx.Client]:
    raise DaemonUnreachable("no prismd is running")
    yield httpx.Client()


@pytest.fixture
def tray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Tray:
    """A tray of which nothing is begun, with the backend of pystray that shows nothing."""
    monkeypatch.setenv("PYSTRAY_BACKEND", "")
    launch = Launch(program=("prismd",), overrides=(), data_dir=tmp_path, url="http://127.0.0.1")
    settings = Settings(launch, configuration=tmp_path / "config.toml")
    shows_nothing = Backend("dummy")  # type: ignore[arg-type] # for tests alone
    return _Tray(nowhere, settings, shows_nothing, tmp_path)


def offered(tray: _Tray) -> list[str]:
    """The files of recent answers, by their lines."""
    menu = tray._face().menu
    return [line.text for entry in menu for line in entry.under if line.action == "cited"]


def test_what_was_cited_goes_with_the_daemon_that_told_it(tray: _Tray) -> None:
    tray._changed(standing_of(IDLE, 0))
    tray._cite(LEASE)
    assert offered(tray) == ["lease.pdf, page 3"]
    tray._changed(AWAY)
    tray._changed(standing_of(IDLE, 0))  # of another index, it may be
    assert offered(tray) == []


def test_what_is_told_of_a_daemon_that_has_gone_is_not_kept_for_the_next(tray: _Tray) -> None:
    tray._cite(LEASE)
    tray._changed(standing_of(IDLE, 0))
    assert offered(tray) == []
