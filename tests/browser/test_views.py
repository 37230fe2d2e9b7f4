"""Every view of the page: for everybody, in light and dark, wide and narrow, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.axe import Axe
from tests.browser.conftest import Opens
from tests.browser.harness import PHONE, WIDE, Window
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

SMALLEST_WIDTH = 320


def visited(window: Window) -> Iterator[str]:
    """Go to every view in turn, and wait until it is there."""
    addresses = window.page.locator("nav a").evaluate_all("links => links.map((a) => a.hash)")
    assert len(addresses) >= 5
    for address in addresses:
        window.open(f"/{address}")
        expect(window.page.get_by_role("heading", level=1)).to_be_visible()
        expect(window.page.get_by_role("main")).not_to_be_empty()
        expect(window.page.get_by_role("group", name="Indexing")).not_to_contain_text("Connecting")
        window.page.wait_for_load_state("networkidle")
        yield address.removeprefix("#/") or "ask"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_keeps_people_from_using_it(
    opens: Opens, daemon: Daemon, axe: Axe, size: tuple[int, int], scheme: str
) -> None:
    daemon.client.post("/search", json={"query": "harbour gate"}).raise_for_status()
    with opens(daemon, size=size, color_scheme=scheme, bypass_csp=True) as window:
        window.sign_in()
        found = {name: axe.findings(window) for name in kept(window, f"{size[0]}-{scheme}")}
        assert {name: findings for name, findings in found.items() if findings} == {}


def kept(window: Window, kind: str) -> Iterator[str]:
    """Every view in turn, with a picture kept of it."""
    for name in visited(window):
        window.keep_screenshot(f"{name}-{kind}")
        yield name


@pytest.mark.parametrize("width", [PHONE[0], SMALLEST_WIDTH])
def test_nothing_is_wider_than_a_phone(opens: Opens, daemon: Daemon, width: int) -> None:
    with opens(daemon, size=(width, 740)) as window:
        window.sign_in()
        wide = {
            name: window.page.evaluate("document.documentElement.scrollWidth")
            for name in visited(window)
        }
        assert {name: px for name, px in wide.items() if px > width} == {}


def test_each_view_has_one_heading_and_says_where_one_is(window: Window) -> None:
    for _ in visited(window):
        expect(window.page.get_by_role("heading", level=1)).to_have_count(1)
        expect(window.page.locator("nav a[aria-current=page]")).to_have_count(1)
        assert "prismd" in window.page.title()


def test_all_views_are_reached_by_the_keyboard_alone(window: Window) -> None:
    page = window.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    for number in range(links.count()):
        link = links.nth(number)
        for _ in range(60):
            page.keyboard.press("Tab")
            if link.evaluate("element => element === document.activeElement"):
                break
        expect(link).to_be_focused()
        assert link.evaluate("element => element.matches(':focus-visible')")
        page.keyboard.press("Enter")
        expect(link).to_have_attribute("aria-current", "page")
        expect(page.get_by_role("main")).to_be_focused()


def test_an_address_that_is_no_view_leads_to_the_start(window: Window) -> None:
    window.open("/#/no/such/view?x=%00")
    expect(window.page.get_by_role("heading", level=1)).to_be_visible()
    expect(window.page.locator("nav a[aria-current=page]")).to_have_attribute("href", "#/")


def test_who_is_not_signed_in_is_told_how(opens: Opens, daemon: Daemon) -> None:
    with opens(daemon) as window:
        window.expect_fault("status of 401")
        window.open("/")
        expect(window.page.get_by_role("heading")).to_have_text(
            "This browser is not signed in to prismd"
        )
        expect(window.page.get_by_text("prismd token --open").first).to_be_visible()
        window.keep_screenshot("not-signed-in")


def test_who_is_signed_out_is_told_how_to_sign_in_and_goes_on(
    window: Window, daemon: Daemon
) -> None:
    window.expect_fault("status of 401")
    page = window.page
    kept = window.context.cookies()
    window.context.clear_cookies()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    banner = page.get_by_role("alert").filter(has_text="not signed in any more")
    expect(banner.filter(has_text="prismd token --open")).not_to_have_count(0)
    page.get_by_role("button", name="Pause indexing").click()
    expect(page.get_by_role("button", name="Pause indexing")).not_to_have_attribute(
        "aria-busy", "true"
    )
    expect(page.locator("#toasts")).to_be_empty()  # it is told once
    for view in ("Files", "History", "Settings"):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=view).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(view)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("Files that are kept out")).to_be_hidden()
    window.keep_screenshot("signed-out")
    window.context.add_cookies(kept)  # type: ignore[arg-type] # they are what it gave
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.get_by_role("searchbox", name="Find a setting")).to_be_visible()  # by itself


def test_a_page_of_which_a_part_did_not_come_says_what_to_do(opens: Opens, daemon: Daemon) -> None:
    with opens(daemon) as window:
        window.expect_fault("ERR_FAILED|ERR_CONNECTION")
        window.page.route("**/views/files.js", lambda route: route.abort())
        window.sign_in()
        expect(window.page.get_by_text("load the page again")).to_be_visible()


def test_what_failed_stays_until_it_is_put_away(window: Window, daemon: Daemon) -> None:
    page = window.page
    window.open("/#/activity")
    button = page.get_by_role("button", name="Rescan folders")
    expect(button).to_be_visible()
    window.expect_fault("ERR_CONNECTION_REFUSED")
    page.route("**/rescan", lambda route: route.abort("connectionrefused"))
    button.click()
    told = page.locator("#toasts").get_by_role("alert")
    expect(told).to_contain_text("prismd cannot be reached")
    button.click()
    expect(told).to_have_count(1)  # the same is not said twice
    told.get_by_role("button", name="Close this message").click()
    expect(told).to_have_count(0)
    expect(page.get_by_role("main")).to_be_focused()


def test_failures_give_way_to_no_other_message_and_keep_the_focus(window: Window) -> None:
    page = window.page
    window.open("/#/activity")
    scan = page.get_by_role("button", name="Rescan folders")
    expect(scan).to_be_visible()
    window.expect_fault("status of 500")
    told = page.locator("#toasts").get_by_role("alert")

    def fail(number: int) -> None:
        error = {"message": f"the index is out of order ({number})", "type": "server_error"}
        page.route("**/rescan", lambda route: route.fulfill(status=500, json={"error": error}))
        scan.dispatch_event("click")
        expect(told.filter(has_text=f"({number})")).to_be_visible()
        page.unroute_all()

    fail(1)
    close = told.get_by_role("button", name="Close this message")
    close.focus()
    for number in (2, 3, 4, 5, 6):
        fail(number)
    expect(told).to_have_count(5)  # the one that has the focus, and the latest four
    expect(close.first).to_be_focused()
    earlier = page.locator("#toasts").get_by_text("1 earlier message")
    expect(earlier).to_be_visible()
    scan.dispatch_event("click")
    expect(page.locator("#toasts").get_by_role("status")).not_to_be_empty()
    expect(told).to_have_count(5)  # that something was done takes no failure away
    page.keyboard.press("Enter")
    expect(told).to_have_count(4)
    expect(close.first).to_be_focused()
    window.keep_screenshot("toasts")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for number in (6, 5, 4, 3, 2):
        expect(told.last).to_have_text(re.compile(rf"\({number}\)$"))
        close.last.click()
    expect(told).to_have_count(0)
    expect(earlier).to_be_hidden()
