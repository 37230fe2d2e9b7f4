"""What the viewer shows of files that have changed, have gone, or do not come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Route, expect

from tests.browser.harness import Window
from tests.browser.samples import DEPOSIT, GATE
from tests.browser.searching import found
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

HERON = "The heron stood on the third pile of the jetty."


@contextmanager
def failing(window: Window, pattern: str) -> Iterator[None]:
    """Have requests fail as they do while the daemon is away."""
    window.expect_fault("ERR_CONNECTION_REFUSED")

    def fail(route: Route) -> None:
        route.abort("connectionrefused")

    matcher = re.compile(pattern)
    window.page.route(matcher, fail)
    try:
        yield
    finally:
        window.page.unroute(matcher, fail)


def test_of_a_file_that_has_changed_since_it_was_found_the_present_is_shown(
    window: Window, daemon: Daemon
) -> None:
    page, path = window.page, daemon.place.write("heron.txt", HERON)
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: daemon.finds("heron jetty")[:1] == ["heron.txt"])
    opener = found(window, "heron jetty", "heron.txt")
    path.write_text("An egret took the place of the bird on the jetty.")
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: daemon.finds("egret")[:1] == ["heron.txt"])
    window.expect_fault("status of 404")
    opener.click()
    viewer = page.get_by_role("region", name="heron.txt")
    expect(viewer.get_by_role("list", name="Lines")).to_contain_text("An egret took")
    note = viewer.get_by_role("note")
    expect(note).to_contain_text("has changed, and what was found is not in it any more")
    window.keep_screenshot("viewer-outdated")
    note.get_by_role("button", name="Search again").click()
    expect(viewer).to_be_hidden()
    results = page.get_by_role("list", name="Results").get_by_role("listitem")
    expect(results.filter(has_text="egret")).to_have_count(1)
    wait_until(lambda: not page.evaluate("document.activeElement === document.body"))


def test_of_a_file_that_has_gone_it_is_said_in_words_for_people(
    window: Window, daemon: Daemon
) -> None:
    page, path = window.page, daemon.place.write("crane.txt", "A crane passed over the mill.")
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: daemon.finds("crane mill")[:1] == ["crane.txt"])
    opener = found(window, "crane mill", "crane.txt")
    opener.click()
    viewer = page.get_by_role("region", name="crane.txt")
    link = viewer.get_by_role("link", name="The whole file")
    expect(link).to_be_visible()
    path.unlink()
    window.expect_fault("status of 404")
    with window.context.expect_page() as opening:
        link.click()
    # Whether the index knows of it by now or not.
    told = re.compile("^This file is not (there|among yours) any more$")
    expect(opening.value.get_by_role("heading")).to_have_text(told)
    opening.value.close()
    page.keyboard.press("Escape")
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: "crane.txt" not in daemon.finds("crane mill"))
    opener.click()
    gone = page.get_by_role("region", name="This cannot be shown")
    expect(gone.get_by_role("alert")).to_have_text("This file is not among your files any more.")
    window.keep_screenshot("viewer-gone")
    gone.get_by_role("button", name="Search again").click()
    expect(gone).to_be_hidden()
    expect(page.get_by_role("main").get_by_text("crane.txt")).to_have_count(0)


def test_a_page_that_did_not_come_comes_when_it_is_tried_again(window: Window) -> None:
    opener = found(window, DEPOSIT, "Boathouse")
    with failing(window, "/preview"):
        opener.click()
        viewer = window.page.locator("#viewer")
        told = viewer.get_by_role("alert")
        expect(told).to_contain_text("prismd cannot be reached")
        window.keep_screenshot("viewer-no-page")
    told.get_by_role("button", name="Try again").click()
    picture = viewer.get_by_role("img")
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") > 0)
    expect(told).to_be_hidden()
    scroller = viewer.get_by_role("group", name="Page, scrollable")
    expect(scroller).to_be_focused()
    assert scroller.evaluate("element => element.tabIndex") == 0  # Tab leads there still


def test_lines_that_did_not_come_are_said_and_come_when_they_are_tried_again(
    window: Window,
) -> None:
    found(window, "cistern emergency valve", "handbook").click()
    viewer = window.page.get_by_role("region", name="handbook.txt")
    after = viewer.get_by_role("button", name="Lines after")
    expect(after).to_be_visible()
    lines = viewer.get_by_role("listitem")
    before = lines.count()
    with failing(window, "/lines"):
        after.click()
        told = viewer.get_by_role("alert")
        expect(told).to_contain_text("prismd cannot be reached")
        expect(after).to_be_focused()
    told.get_by_role("button", name="Try again").click()
    expect(told).to_be_hidden()
    expect(lines.nth(before)).to_be_focused()


def test_a_recording_that_does_not_come_says_why(window: Window) -> None:
    opener = found(window, GATE, "memo.wav")
    with failing(window, "/content"):
        opener.click()
        viewer = window.page.get_by_role("region", name="memo.wav")
        expect(viewer.get_by_role("note")).to_contain_text("prismd cannot be reached")


COMING = {
    "a page": (DEPOSIT, "Boathouse", "/preview"),
    "lines": ("cistern emergency valve", "handbook", "/lines"),
    "a recording": (GATE, "memo.wav", "/content"),
}


@pytest.mark.parametrize("what", COMING)
def test_what_did_not_come_comes_by_itself_when_prismd_is_back(window: Window, what: str) -> None:
    words, title, pattern = COMING[what]
    cut = window.cuts()
    opener = found(window, words, title)
    told = window.page.locator("#viewer").get_by_text("prismd cannot be reached")
    with failing(window, pattern):
        opener.click()
        expect(told).to_be_visible()
    cut()
    expect(told).to_be_hidden()
