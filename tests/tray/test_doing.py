"""What the menu's choices do to a real daemon."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.cli.context import Context
from prismd.errors import PrismdError, RequestError
from prismd.tray.doing import Doing, ask, open_file
from prismd.tray.link import Link
from prismd.tray.menu import Action, Entry
from prismd.tray.power import Launch
from tests.building import wait_until
from tests.cli.harness import COMMAND, Daemon, Place


class Chooser:
    """Chooses in the menu of a place's tray, and hears what comes of it."""

    def __init__(self, place: Place) -> None:
        self.complaints: list[str] = []
        self.ended: list[bool] = []
        self.context = Context(place.config, {"data_dir": place.data_dir})
        launch = Launch(
            tuple(COMMAND), (), place.data_dir, f"http://127.0.0.1:{place.port}", place.log
        )
        self._doing = Doing(
            reach=self.context.daemon,
            launch=launch,
            link=Link(
                self.context.daemon, lambda standing: None, lambda status: None, lambda: None
            ),
            configuration=place.config,
            folder=place.root,
            complain=self.complaints.append,
            quit=lambda: self.ended.append(True),
        )
        self._doing.start()

    def choose(self, *actions: Action, about: str = "") -> None:
        """Choose, and wait until all of it is done: one is done after the other."""
        before = len(self.ended)
        for action in (*actions, "quit"):
            self._doing.do(Entry("", action, about))
        wait_until(lambda: len(self.ended) > before)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets what the browser, or the desktop's opener, is asked to open."""
    path = tmp_path / "opened"
    for name in ("browser", "xdg-open", "open"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$last" >> {path}\n')
        program.chmod(0o755)
    browser = webbrowser.GenericBrowser([str(tmp_path / "browser"), "%s"])
    webbrowser.register(str(tmp_path), None, browser, preferred=True)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return path


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon over one file."""
    place = Place(tmp_path_factory.mktemp("doing"))
    place.write("a.txt", "The ferry sails at noon.")
    with place.daemon() as daemon:
        daemon.await_idle()
        yield daemon


@pytest.fixture
def chooser(daemon: Daemon) -> Iterator[Chooser]:
    """A tray's menu; the daemon goes on when the test is over."""
    yield Chooser(daemon.place)
    daemon.client.post("/resume", json={"override": True}).raise_for_status()


def test_pausing_and_resuming_is_what_the_daemon_then_does(
    daemon: Daemon, chooser: Chooser
) -> None:
    chooser.choose("pause-15m")
    short = daemon.status()["paused"]["until"]
    chooser.choose("pause-1h")
    long = daemon.status()["paused"]["until"]
    assert 44 * 60 < long - short < 60 * 60  # and what passed between them
    chooser.choose("pause")
    assert daemon.status()["paused"] == {"by": "you", "why": "", "until": None}
    chooser.choose("resume")
    assert daemon.status()["paused"] is None
    chooser.choose("pause", "resume-now")
    assert daemon.status()["paused"] is None
    assert chooser.complaints == []


def test_looking_for_changes_finds_what_no_event_told_of(daemon: Daemon, chooser: Chooser) -> None:
    chooser.choose("rescan")
    daemon.await_idle()
    assert chooser.complaints == []


@pytest.mark.parametrize(
    ("action", "arrives"),
    [("page", "/"), ("errors", "/#/activity"), ("settings", "/#/settings")],
)
def test_a_page_is_opened_by_a_link_that_signs_in_once(
    daemon: Daemon, chooser: Chooser, opened: Path, action: Action, arrives: str
) -> None:
    chooser.choose(action)
    wait_until(lambda: opened.exists() and opened.read_text().endswith("\n"))
    url = opened.read_text().strip()
    signed_in = daemon.client.get(url, headers={"Authorization": ""})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, arrives)
    assert daemon.client.get(url, headers={"Authorization": ""}).status_code == 401


def test_what_was_cited_is_opened_where_it_is_and_a_forgotten_file_is_said_so(
    daemon: Daemon, chooser: Chooser, opened: Path
) -> None:
    asked = {"query": "What sails at noon?", "answer": True}
    daemon.client.post("/search", json=asked).raise_for_status()
    wait_until(lambda: bool(cited(daemon)))
    [place] = cited(daemon)
    chooser.choose("cited", about=place["citation_id"])
    wait_until(lambda: opened.exists() and opened.read_text().endswith("\n"))
    arrived = daemon.client.get(opened.read_text().strip(), headers={"Authorization": ""})
    assert arrived.headers["location"] == f"/c/{place['citation_id']}"
    assert chooser.complaints == []
    chooser.choose("cited", about="0" * 24)
    assert chooser.complaints == ["what was cited there is in the index no more; ask again"]


def cited(daemon: Daemon) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (
        daemon.client.get("/search/cited").raise_for_status().json()["data"]
    )
    return found


def test_the_configuration_and_the_log_are_opened(
    daemon: Daemon, chooser: Chooser, opened: Path
) -> None:
    chooser.choose("configuration", "log")
    assert chooser.complaints == []
    assert opened.read_text().splitlines() == [str(daemon.place.config), str(daemon.place.log)]


def test_what_nothing_opens_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrismdError, match=r"x\.toml: nothing here opens it"):
        open_file(tmp_path / "x.toml")


def test_without_a_daemon_every_choice_says_so_and_none_breaks_the_next(tmp_path: Path) -> None:
    chooser = Chooser(Place(tmp_path))
    chooser.choose("page", "pause", "rescan", "stop")
    assert len(chooser.complaints) == 4
    assert all("running" in complaint for complaint in chooser.complaints)


def test_a_refusal_is_told_in_the_daemons_own_words(daemon: Daemon, chooser: Chooser) -> None:
    with pytest.raises(RequestError, match="for_s"):
        ask(chooser.context.daemon, "/pause", {"for_s": -1})
    with pytest.raises(RequestError):
        ask(chooser.context.daemon, "/no-such-thing")


def test_a_daemon_is_started_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    chooser = Chooser(place)
    chooser.choose("start")
    wait_until(chooser.context.running)
    chooser.choose("stop")
    wait_until(lambda: not chooser.context.running())
    assert chooser.complaints == []


def test_a_daemon_that_has_another_token_is_told_of_for_people(
    daemon: Daemon, chooser: Chooser
) -> None:
    token = daemon.place.data_dir / "token"
    before = token.read_text()
    token.write_text("prism-another")
    try:
        chooser.choose("pause", "cited", about="0" * 24)
    finally:
        token.write_text(before)
    assert [words.partition(":")[0] for words in chooser.complaints] == [
        "the prismd that answers does not take this data directory's token"
    ] * 2
