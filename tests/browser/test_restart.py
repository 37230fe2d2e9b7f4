"""A page that stays open while the daemon ends and is started again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.harness import Window
from tests.browser.samples import FAKES, VALVE
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser


CANNOT = "This cannot be shown"
TYPED = "/home/anna/half a pa"
Check = Callable[[], None]


def typing_a_path(window: Window) -> Check:
    """A tab in which a folder is being named."""
    page = window.context.new_page()
    page.goto(f"{window.daemon.url}/#/folders")
    field = page.get_by_role("textbox", name="Folder's path")
    field.fill(TYPED)

    def still() -> None:
        expect(page.locator("#banner")).to_be_hidden()
        expect(field).to_have_value(TYPED)
        expect(field).to_be_focused()

    return still


def at_a_button(window: Window, folder: Path) -> Check:
    """A tab with the focus on a button that needs prismd; to be called while it is away."""
    window.daemon.client.post("/roots", json={"path": str(folder)}).raise_for_status()
    page = window.context.new_page()
    page.goto(f"{window.daemon.url}/#/folders")
    button = page.get_by_role("button", name=f"Remove {folder}")
    button.focus()

    def still() -> None:
        expect(button).to_be_disabled()
        expect(button).to_be_focused()
        button.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)

    return still


def asked(page: Page, question: str) -> None:
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")


def reading_an_answer(window: Window) -> tuple[Check, Check]:
    """A tab with an answer: the first is to be called while prismd is away, the other after."""
    page = window.context.new_page()
    page.set_viewport_size({"width": 1200, "height": 400})
    page.goto(f"{window.daemon.url}/#/")
    asked(page, f"{VALVE.rstrip('.')}?")
    source = page.get_by_role("list", name="Sources").get_by_role("button").first
    expect(source).to_be_visible()

    def ask_in_vain() -> None:
        asked(page, "And where is the key?")
        expect(page.get_by_role("button", name="Ask again")).to_be_visible()
        source.click()
        expect(page.get_by_role("region", name=CANNOT)).to_be_visible()
        source.focus()
        page.evaluate("scrollTo(0, 0)")

    def still() -> None:
        expect(page.locator("#banner")).to_be_hidden()
        viewer = page.locator("#viewer")  # what could not be opened is open by now
        expect(viewer.get_by_role("link", name="The whole file")).to_be_visible()
        expect(source).to_be_focused()
        expect(page.get_by_role("button", name="Ask again")).to_have_count(1)
        assert page.evaluate("scrollY") == 0

    return ask_in_vain, still


def test_the_page_comes_back_by_itself_when_the_daemon_does(
    window: Window, daemon: Daemon, tmp_path: Path
) -> None:
    window.expect_fault("WebSocket|ERR_CONNECTION_REFUSED")
    for view in ("history", "files", "settings"):
        window.open(f"/#/{view}")
        expect(window.page.get_by_role("heading", level=1)).to_have_text(view.capitalize())
    still_at_the_button = at_a_button(window, tmp_path)
    still_typing = typing_a_path(window)
    ask_in_vain, still_reading = reading_an_answer(window)
    window.open("/#/activity")
    state = window.page.get_by_role("region", name="State")
    expect(state.get_by_role("heading")).to_have_text("Up to date")
    banner = window.page.get_by_role("alert").filter(has_text="connection to prismd was lost")
    daemon.stop()
    expect(banner).to_be_visible()
    still_at_the_button()
    window.keep_screenshot("daemon-gone")
    for link in window.page.get_by_role("navigation", name="Main").get_by_role("link").all():
        link.click()  # views that were not opened before come all the same
        expect(window.page.get_by_role("heading", level=1)).not_to_have_text(CANNOT)
    in_place = window.page.get_by_role("main").get_by_role("alert")
    for view in ("Settings", "History", "Files"):
        window.page.get_by_role("link", name=view).click()
        expect(in_place).to_contain_text("prismd cannot be reached")
    window.keep_screenshot("daemon-gone-files")
    window.open("/#/?mode=search&q=rowing+boats")
    expect(in_place).to_contain_text("cannot be reached")
    box = window.page.locator("#question")
    box.fill("rowing boats KX")
    ask_in_vain()
    with daemon.place.daemon(env=FAKES) as again:
        expect(banner).to_be_hidden()
        # What failed meanwhile is found by itself, and what was being done goes on.
        expect(window.page.get_by_role("list", name="Results")).to_contain_text("handbook.txt")
        expect(box).to_have_value("rowing boats KX")
        still_typing()
        still_reading()
        window.page.get_by_role("link", name="Settings").click()
        expect(window.page.get_by_role("searchbox", name="Find a setting")).to_be_visible()
        expect(in_place).to_be_hidden()
        window.page.get_by_role("link", name="Activity").click()
        expect(state.get_by_role("heading")).to_have_text("Up to date")
        state.get_by_role("button", name="Pause until I resume").click()
        expect(state.get_by_role("heading")).to_contain_text("Paused")
        assert again.status()["paused"] is not None
        again.client.post("/resume").raise_for_status()
