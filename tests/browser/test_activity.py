"""What prismd is doing, as the page shows it, and the switches for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, WebSocketRoute, expect

from tests.browser.harness import Window
from tests.browser.samples import boathouse
from tests.building import wait_until, write_file
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

OTTER = "The otter census counted nineteen animals."


@pytest.fixture(autouse=True)
def running(daemon: Daemon) -> Iterator[None]:
    """Every test begins and ends with nothing paused."""
    yield
    daemon.client.post("/resume").raise_for_status()


def state_of(window: Window) -> Locator:
    window.open("/#/activity")
    return window.page.get_by_role("region", name="State")


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("Pause for 15 minutes", 15), ("Pause for 1 hour", 60), ("Pause until I resume", None)],
)
def test_a_pause_is_the_daemons_until_it_is_resumed(
    window: Window, daemon: Daemon, name: str, minutes: int | None
) -> None:
    state = state_of(window)
    expect(state.get_by_role("heading")).to_have_text("Up to date")
    state.get_by_role("button", name=name).click()
    expect(state.get_by_role("heading")).to_contain_text("Paused until")
    paused = daemon.status()["paused"]
    assert paused["by"] == "you"
    if minutes is None:
        assert paused["until"] is None
    else:
        left_s = paused["until"] - datetime.now().timestamp()
        assert 0 < left_s <= minutes * 60
    window.keep_screenshot(f"activity-paused-{minutes}")
    state.get_by_role("button", name="Resume").click()
    expect(state.get_by_role("heading")).to_have_text("Up to date")
    assert daemon.status()["paused"] is None


def test_the_frame_has_a_switch_of_its_own_and_follows_other_programs(
    window: Window, daemon: Daemon
) -> None:
    frame = window.page.get_by_role("group", name="Indexing")
    frame.get_by_role("button", name="Pause indexing").click()
    expect(frame.get_by_role("link")).to_contain_text("Paused")
    assert daemon.status()["paused"] is not None
    daemon.client.post("/resume").raise_for_status()
    expect(frame.get_by_role("button", name="Pause indexing")).to_be_visible()
    expect(frame.get_by_role("link")).to_have_text("Up to date")


def test_what_waits_is_counted_while_it_is_paused_and_read_after(
    window: Window, daemon: Daemon
) -> None:
    state = state_of(window)
    expect(state.get_by_role("heading")).to_have_text("Up to date")
    state.get_by_role("button", name="Pause until I resume").click()
    expect(state.get_by_role("heading")).to_contain_text("Paused")
    write_file(daemon.place.folder / "otters.txt", OTTER)
    daemon.client.post("/rescan").raise_for_status()
    expect(state).to_contain_text("1 file to be read")
    state.get_by_role("button", name="Resume").click()
    expect(state.get_by_role("heading")).to_have_text("Up to date")
    assert "otters.txt" in daemon.finds("otter census")


def test_files_with_problems_say_why_and_are_read_again_once_they_are_mended(
    window: Window, daemon: Daemon
) -> None:
    window.open("/#/activity")
    problems = window.page.get_by_role("region", name="Files with problems")
    rows = problems.get_by_role("list", name="Files with problems").get_by_role("listitem")
    broken = rows.filter(has_text="broken.pdf")
    expect(broken).to_contain_text("broken.pdf")
    [told] = [
        item["error"]["message"]
        for item in daemon.client.get("/errors").json()["data"]
        if item["path"].endswith("broken.pdf")
    ]
    expect(broken).to_contain_text(told.removeprefix("broken.pdf: "))
    whole = broken.get_by_role("link", name="Open the file in a new tab: broken.pdf")
    address = whole.get_attribute("href") or ""
    assert daemon.client.get(address).content == (daemon.place.folder / "broken.pdf").read_bytes()
    window.keep_screenshot("activity-problems")
    problems.get_by_role("button", name=re.compile("^Skipped")).click()
    expect(broken).to_have_count(0)
    expect(rows.filter(has_text="empty.txt")).to_have_count(1)
    window.page.go_back()
    cannot_be_listed_for_a_while(window, problems)
    path = daemon.place.folder / "broken.pdf"

    def mend(route: Route) -> None:
        path.write_bytes(boathouse())
        route.continue_()

    # Not before it is asked for: the watcher has a file that changes read again as well.
    window.page.route("**/retry", mend)
    broken.get_by_role("button", name="Retry broken.pdf").click()
    expect(broken).to_have_count(0)

    def states() -> list[str]:
        listed = daemon.client.get("/files", params={"q": "broken.pdf"}).json()["data"]
        return [item["state"] for item in listed]

    wait_until(lambda: states() == ["completed"])


def cannot_be_listed_for_a_while(window: Window, problems: Locator) -> None:
    """Nothing is said of files that were not had, until they are."""
    window.expect_fault("status of 500")
    told = {"error": {"message": "the index is out of order", "type": "server_error"}}
    window.page.route("**/errors?*", lambda route: route.fulfill(status=500, json=told))
    problems.get_by_role("button", name=re.compile("^Failed")).click()
    trouble = problems.get_by_role("alert")
    expect(trouble).to_contain_text("the index is out of order")
    expect(problems.get_by_role("listitem")).to_have_count(0)
    expect(problems.get_by_text("No file has a problem.")).to_be_hidden()
    expect(problems.get_by_role("button", name="Retry all")).to_be_hidden()
    window.keep_screenshot("activity-problems-failed")
    window.page.unroute_all()
    again = trouble.get_by_role("button", name="Try again")
    again.focus()
    window.page.keyboard.press("Enter")
    expect(trouble).to_be_hidden()
    expect(problems.get_by_role("heading")).to_be_focused()


def test_models_and_counts_are_those_of_the_daemon(window: Window, daemon: Daemon) -> None:
    window.open("/#/activity")
    expect(window.page.get_by_role("table", name="Models")).to_contain_text("fake")
    files = daemon.status()["files"]["total"]
    index = window.page.get_by_role("region", name="Index")
    expect(index.get_by_role("definition").first).to_have_text(str(files))


WORK = {
    "files are read": (
        {"left": 3, "rate_files_per_s": 59.64, "passages": 40, "passages_embedded": 10},
        "59.6 files a second",
        "Files read",
    ),
    "files are read slowly": (
        {"left": 3, "rate_files_per_s": 0.4, "passages": 40, "passages_embedded": 10},
        "24 files a minute",
        "Files read",
    ),
    "vectors are made": (
        {"left": 0, "rate_files_per_s": 59.64, "passages": 1400, "passages_embedded": 350},
        "350 of 1,400 passages searchable by meaning · 2 min left · 8 passages a second",
        "Passages searchable by meaning",
    ),
    "pictures are looked at": (
        {"left": 0, "rate_files_per_s": 59.64, "passages": 40, "passages_embedded": 40},
        "",
        "",
    ),
}


@pytest.mark.parametrize("work", WORK)
def test_a_rate_is_told_of_that_alone_which_is_being_done(window: Window, work: str) -> None:
    changed, said, bar = WORK[work]
    always = {"state": "indexing", "eta_s": 120.0, "rate_embeddings_per_s": 8.0}
    files = {"total": 90, "pending": 3, "processing": 0, "completed": 87}
    tell_otherwise(window, {**always, **changed, "files": {**NO_FILES, **files}})
    state = state_of(window)
    window.page.reload()
    expect(state.get_by_role("heading")).to_have_text("Indexing")
    expect(state).to_contain_text(said)
    rate = re.compile(r"(files|passages) a (second|minute)")
    assert len(rate.findall(state.inner_text())) == int(bool(said))
    bars = state.get_by_role("progressbar")
    expect(bars).to_have_count(int(bool(bar)))
    if bar:
        expect(bars).to_have_accessible_name(bar)
        window.keep_screenshot(f"activity-{work.replace(' ', '-')}")


NO_FILES = dict.fromkeys(
    ("total", "pending", "processing", "completed", "failed", "skipped", "quarantined"), 0
)


def tell_otherwise(window: Window, changed: dict[str, Any]) -> None:
    """Have the page hear another status than the daemon's."""

    def altered(said: str | bytes) -> str:
        message = json.loads(said)
        if "status" in message:
            message["status"] |= changed
        return json.dumps(message)

    def between(page: WebSocketRoute) -> None:
        daemon = page.connect_to_server()
        daemon.on_message(lambda said: page.send(altered(said)))

    window.page.route_web_socket(re.compile("/ws$"), between)
