"""The files of the index on the page: live, forgotten, taken back, and out of reach."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Opens
from tests.browser.harness import Window
from tests.building import wait_until, write_file
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

GANNET = "The gannet colony has doubled since the lighthouse went dark."
TURNED = "\u202e"
"""Has what follows written from right to left, so that the end of a name is no more its end."""


def row(page: Page, name: str) -> Locator:
    rows = page.get_by_role("table", name="Files").get_by_role("row")
    return rows.filter(has=page.get_by_role("button", name=f"Open {name}", exact=True))


def fulfil(route: Route) -> None:
    """An error as the daemon says it."""
    told = {"error": {"message": "the index is out of order", "type": "server_error"}}
    route.fulfill(status=500, json=told)


def test_what_becomes_of_files_shows_without_moving_what_one_is_at(
    opens: Opens, daemon: Daemon
) -> None:
    with opens(daemon, size=(1280, 360)) as window:
        window.sign_in()
        window.open("/#/files")
        page = window.page
        at = page.get_by_role("button", name="Open handbook.txt")
        at.focus()
        at.evaluate("element => { element.seen = true; scrollBy(0, 40) }")
        place = "element => element.seen && [scrollY, element.getBoundingClientRect().top]"
        before = at.evaluate(place)
        assert before
        gannets = write_file(daemon.place.folder / "gannets.txt", GANNET)
        expect(row(page, "gannets.txt")).to_contain_text("Read")
        expect(at).to_be_focused()
        assert at.evaluate(place) == before
        gannets.write_bytes(b"")
        expect(row(page, "gannets.txt")).to_contain_text("Skipped")
        gannets.unlink()
        expect(row(page, "gannets.txt")).to_have_count(0)
        expect(at).to_be_focused()
        assert at.evaluate(place) == before


def test_who_is_at_a_file_that_goes_is_at_the_one_beside_it(window: Window, daemon: Daemon) -> None:
    file = write_file(daemon.place.folder / "gone soon.txt", GANNET)
    window.open("/#/files")
    page = window.page
    expect(row(page, "gone soon.txt")).to_be_visible()
    page.get_by_role("button", name="Forget gone soon.txt").focus()
    file.unlink()
    expect(row(page, "gone soon.txt")).to_have_count(0)
    wait_until(lambda: page.evaluate("document.activeElement.closest('tr') !== null"))


def test_what_fails_is_said_in_the_lists_place_and_tried_again(window: Window) -> None:
    window.expect_fault("status of 500")
    page = window.page
    window.open("/#/files")
    expect(row(page, "handbook.txt")).to_be_visible()
    page.route(re.compile(r"/files\?.*state=failed"), fulfil)
    page.get_by_role("combobox", name="State").select_option("failed")
    trouble = page.get_by_role("alert").filter(has_text="the index is out of order")
    expect(trouble).to_be_visible()
    expect(page.get_by_role("table", name="Files")).to_be_hidden()
    expect(page.get_by_text(re.compile(r"^\d+ files?$"))).to_have_count(0)
    window.keep_screenshot("files-failed")
    expect(trouble.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute_all()
    # Something else that happens may have had it tried again already, and then nothing is there.
    page.locator(".failure button").first.dispatch_event("click")
    expect(row(page, "broken.pdf")).to_contain_text("Failed")
    expect(trouble).to_be_hidden()


def test_a_file_is_forgotten_when_that_was_confirmed_and_taken_back(
    window: Window, daemon: Daemon
) -> None:
    name = f"evil {TURNED}txt.long {'n' * 150}"
    file = write_file(daemon.place.folder / "to forget" / name, GANNET)
    name = name.replace(TURNED, "\ufffd")
    window.open("/#/files")
    page = window.page
    expect(row(page, name)).to_contain_text("Read")
    forget = page.get_by_role("button", name=f"Forget {name}")
    forget.click()
    dialog = page.get_by_role("dialog", name="Forget this file?")
    expect(dialog).to_contain_text("stays where it is, untouched")
    window.keep_screenshot("files-forget")
    dialog.get_by_role("button", name="Cancel").click()
    expect(forget).to_be_focused()
    forget.click()
    expect(dialog).to_be_visible()
    page.evaluate("location.hash = '#/history'")
    expect(dialog).to_have_count(0)
    page.go_back()
    forget.click()
    dialog.get_by_role("button", name="Forget").click()
    expect(row(page, name)).to_have_count(0)
    wait_until(lambda: page.evaluate("document.activeElement.closest('tr') !== null"))
    assert file.read_text() == GANNET
    page.get_by_text("Files that are kept out (1)").click()
    page.get_by_role("button", name=f"Take back {name}").click()
    expect(row(page, name)).to_contain_text("Read")
    expect(page.get_by_text("Files that are kept out")).to_be_hidden()
    file.unlink()


def test_an_upload_is_deleted_for_good_and_that_is_said(window: Window, daemon: Daemon) -> None:
    sent = daemon.client.post("/upload", files={"file": ("upload.txt", GANNET.encode())})
    sent.raise_for_status()
    window.open("/#/files?q=upload.txt")
    page = window.page
    page.get_by_role("button", name="Forget upload.txt").click()
    dialog = page.get_by_role("dialog", name="Forget this file?")
    expect(dialog).to_contain_text("cannot be undone")
    # Somebody else was faster.
    daemon.client.delete(f"/files/{sent.json()['file_id']}").raise_for_status()
    window.expect_fault("status of 404")
    dialog.get_by_role("button", name="Forget").click()
    expect(row(page, "upload.txt")).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Name or folder")).to_be_focused()
    expect(page.get_by_text("No file is like this.")).to_be_visible()


def test_many_files_are_shown_in_ever_larger_parts(window: Window, daemon: Daemon) -> None:
    folder = daemon.place.folder / "many"
    for number in range(120):
        write_file(folder / f"{number:03}.txt", f"Buoy {number} is painted again.")
    window.open("/#/files?q=many")
    page = window.page
    rows = page.get_by_role("table", name="Files").get_by_role("row")
    expect(page.get_by_text("120 files, the first 50 shown")).to_be_visible()
    expect(rows).to_have_count(1 + 50)
    for before, shown in ((50, 100), (100, 120)):
        page.get_by_role("button", name="More files").click()
        expect(rows).to_have_count(1 + shown)
        expect(rows.nth(1 + before).get_by_role("button").first).to_be_focused()
    expect(page.get_by_role("button", name="More files")).to_be_hidden()
    (folder / "000.txt").unlink()
    expect(page.get_by_text("119 files", exact=True)).to_be_visible()
    expect(rows).to_have_count(1 + 119)
    write_file(folder / "120.txt", "Buoy 120 is new.")
    expect(row(page, "120.txt")).to_be_visible()
