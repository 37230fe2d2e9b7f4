"""The viewer in use: by Back, by keys, by ear, and while things come late."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Opens
from tests.browser.harness import PHONE, WIDE, Window
from tests.browser.listening import Listener
from tests.browser.samples import DEPOSIT
from tests.browser.searching import found
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

HAS_FOCUS = "element => element === document.activeElement"


def results_of(window: Window) -> Locator:
    return window.page.get_by_role("list", name="Results")


def test_where_it_covers_the_page_back_closes_it_and_forward_opens_it_again(
    opens: Opens, daemon: Daemon
) -> None:
    with opens(daemon, size=PHONE) as window:
        window.sign_in()
        page = window.page
        window.open("/#/files")
        opener = found(window, "rowing boats", "handbook")
        # The words stand in the address only once the page knows that they may.
        expect(page).to_have_url(re.compile("q=rowing"))
        address, steps = page.url, page.evaluate("history.length")
        opener.click()
        viewer = page.get_by_role("dialog", name="handbook.txt")
        expect(viewer).to_be_visible()
        expect(page).to_have_url(address)
        page.go_back()
        expect(viewer).to_be_hidden()
        expect(page).to_have_url(address)
        expect(opener).to_be_focused()
        page.go_forward()
        expect(viewer).to_be_visible()
        page.keyboard.press("Escape")
        expect(viewer).to_be_hidden()
        # Closed by hand, it leaves no step behind that leads nowhere.
        assert page.evaluate("history.length") == steps + 1
        # Closed, and opened again before the browser has gone back.
        opener.evaluate("""opener => {
            opener.click();
            document.querySelector(".viewer-close").click();
            opener.click();
        }""")
        expect(viewer.get_by_role("list", name="Lines")).not_to_be_empty()
        wait_until(lambda: page.evaluate("Boolean(history.state.covered)"))
        expect(viewer).to_be_visible()
        # Turned, it covers nothing any more, and leaves no step either.
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        wait_until(lambda: page.evaluate("!history.state.covered"))
        expect(page.get_by_role("region", name="handbook.txt")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Files")
        expect(viewer).to_be_hidden()


def test_a_page_that_is_loaded_again_while_it_is_covered_goes_on(
    opens: Opens, daemon: Daemon
) -> None:
    with opens(daemon, size=PHONE) as window:
        window.sign_in()
        window.open("/#/files")
        found(window, "rowing boats", "handbook").click()
        expect(window.page.get_by_role("dialog", name="handbook.txt")).to_be_visible()
        window.page.reload()
        expect(results_of(window)).to_be_visible()
        wait_until(lambda: window.page.evaluate("history.state?.covered") is None)
        window.page.go_back()  # not to a second copy of where one is
        expect(window.page.get_by_role("heading", level=1)).to_have_text("Files")
        opener = found(window, "rowing boats", "handbook")
        opener.click()
        expect(window.page.get_by_role("dialog", name="handbook.txt")).to_be_visible()
        window.page.go_back()
        expect(opener).to_be_focused()


def test_behind_it_nothing_can_be_reached(opens: Opens, daemon: Daemon) -> None:
    with opens(daemon, size=PHONE) as window:
        window.sign_in()
        page = window.page
        opener = found(window, "rowing boats", "handbook")
        window.expect_fault(r"status of 4\d\d")
        window.drop("main", {"one.bin": b"\0\1"})
        uploads = page.locator(".uploads")
        expect(uploads.get_by_role("button", name="Hide one.bin")).to_be_visible()
        opener.press("Enter")
        viewer = page.get_by_role("dialog", name="handbook.txt")
        expect(viewer.get_by_role("list", name="Lines")).not_to_be_empty()
        over = """uploads => {
            const {x, y} = uploads.getBoundingClientRect();
            return document.elementFromPoint(x + 20, y + 20).closest(".viewer") === null;
        }"""
        assert not uploads.evaluate(over)
        assert not page.locator("#skip-link").evaluate(
            f"link => (link.focus(), ({HAS_FOCUS})(link))"
        )
        page.keyboard.press("/")
        within = "() => document.getElementById('viewer').contains(document.activeElement)"
        assert page.evaluate(within)
        for _ in range(12):  # more than it has to stop at
            page.keyboard.press("Shift+Tab")
            assert page.evaluate(f"() => document.activeElement === document.body || ({within})()")


def test_keys_of_the_results_are_not_for_the_viewer(window: Window) -> None:
    found(window, "rowing boats", "handbook").click()
    viewer = window.page.get_by_role("region", name="handbook.txt")
    close = viewer.get_by_role("button", name="Close (Esc)")
    expect(close).to_be_focused()
    window.page.keyboard.press("j")
    window.page.keyboard.press("k")
    expect(close).to_be_focused()
    box = window.page.locator("#question")
    box.focus()
    window.page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(box).to_be_focused()  # who writes there goes on


def test_an_open_question_goes_with_its_view(window: Window) -> None:
    page = window.page
    window.open("/#/files")
    page.get_by_role("button", name=re.compile("^Forget")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_turning_pages_keeps_the_focus_and_is_told(window: Window) -> None:
    listener = Listener(window)
    found(window, DEPOSIT, "Boathouse").click()
    viewer = window.page.locator("#viewer")
    forward = viewer.get_by_role("button", name="Next page")
    back = viewer.get_by_role("button", name="Page before")
    expect(forward).to_be_enabled()
    forward.press("Enter")
    listener.hears("Page 4 of 4")
    expect(forward).to_be_disabled()
    expect(forward).to_be_focused()
    forward.press("Enter")
    expect(viewer.get_by_text("4 of 4", exact=True)).to_be_visible()
    for page in (3, 2, 1):
        back.press("Enter")
        listener.hears(f"Page {page} of 4")
    expect(back).to_be_disabled()
    expect(back).to_be_focused()


def test_lines_that_are_loaded_take_no_focus_and_are_told(window: Window) -> None:
    listener = Listener(window)
    found(window, "cistern emergency valve", "handbook").click()
    viewer = window.page.get_by_role("region", name="handbook.txt")
    before = viewer.get_by_role("button", name="Lines before")
    expect(before).to_be_visible()
    before.press("Enter")
    listener.hears("more lines")
    expect(before).to_be_focused()
    while before.is_visible():
        before.press("Enter")
        listener.hears("more line")
    assert viewer.get_by_role("listitem").evaluate_all(f"lines => lines.some({HAS_FOCUS})")


def test_the_text_of_a_page_that_came_late_is_not_shown_under_another(window: Window) -> None:
    page = window.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/lines.*page=4\b"), hold)
    found(window, DEPOSIT, "Boathouse").click()
    viewer = page.locator("#viewer")
    words = viewer.locator("details")
    viewer.get_by_text("Text of this page").click()
    expect(words).to_contain_text(DEPOSIT)
    with page.expect_request(re.compile(r"/lines.*page=4\b")):
        viewer.get_by_role("button", name="Next page").click()
    expect(words).not_to_contain_text(DEPOSIT)  # it is of the page before
    viewer.get_by_role("button", name="Page before").click()
    expect(words).to_contain_text(DEPOSIT)
    held[0].fulfill(json={"data": [], "total": 1})
    window.fetch("/status")  # what was on its way has come
    expect(words).to_contain_text(DEPOSIT)
