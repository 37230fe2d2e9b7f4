"""Watched folders on the page: seen, added, refused with a reason, removed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Window
from tests.building import wait_until, write_file
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

HERON = "The heron nests were counted on the ninth of May."


def watched(daemon: Daemon) -> list[str]:
    return [root["path"] for root in daemon.client.get("/roots").json()["data"]]


def test_a_folder_is_added_read_and_forgotten(
    window: Window, daemon: Daemon, tmp_path: Path
) -> None:
    write_file(tmp_path / "birds" / "herons.txt", HERON)
    window.open("/#/folders")
    page, before = window.page, watched(daemon)
    rows = page.get_by_role("list", name="Watched folders").get_by_role("listitem")
    expect(rows).to_have_count(len(before))
    page.get_by_role("textbox", name="Folder's path").fill(str(tmp_path / "birds"))
    page.keyboard.press("Enter")
    row = rows.filter(has_text=str(tmp_path / "birds"))
    expect(row).to_contain_text("1 file")
    expect(row).to_contain_text("watching")
    wait_until(lambda: daemon.finds("heron nests") == ["herons.txt"])
    window.keep_screenshot("folders")
    row.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog", name="Stop watching birds?")
    expect(dialog).to_contain_text("stay as they are")
    window.keep_screenshot("folders-remove")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert str(tmp_path / "birds") in watched(daemon)
    row.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Forget folder").click()
    expect(row).to_have_count(0)
    assert watched(daemon) == before
    assert daemon.finds("heron nests") == []
    assert (tmp_path / "birds" / "herons.txt").read_text() == HERON


@pytest.mark.parametrize("path", ["/no/such/folder", "relative/folder", "<img src=x>"])
def test_what_is_no_folder_is_refused_in_the_servers_words(
    window: Window, daemon: Daemon, path: str
) -> None:
    window.expect_fault(r"status of 4\d\d")
    answer = daemon.client.post("/roots", json={"path": path})
    assert answer.is_client_error
    window.open("/#/folders")
    field = window.page.get_by_role("textbox", name="Folder's path")
    field.fill(path)
    window.page.get_by_role("button", name="Watch folder").click()
    alert = window.page.get_by_role("form", name="Watch a folder").get_by_role("alert")
    expect(alert).to_have_text(answer.json()["error"]["message"])
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value(path)


COPIED = {
    "by GNOME": ("text/plain", "x-special/nautilus-clipboard\ncopy\nfile:///srv/a%20b\n"),
    "by KDE": ("text/uri-list", "file:///srv/a%20b\r\nfile:///srv/c"),
    "from a line": ("text/plain", "  /srv/a b\n"),
}


@pytest.mark.parametrize("how", COPIED)
@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_folder_is_taken_as_file_managers_hand_it_over(
    window: Window, how: str, event: str
) -> None:
    window.open("/#/folders")
    field = window.page.get_by_role("textbox", name="Folder's path")
    field.evaluate(
        """(field, [event, type, text]) => {
            const data = new DataTransfer();
            data.setData(type, text);
            const Kind = event === "paste" ? ClipboardEvent : DragEvent;
            const transfer = {clipboardData: data, dataTransfer: data};
            const more = {bubbles: true, cancelable: true};
            field.dispatchEvent(new Kind(event, {...transfer, ...more}));
        }""",
        [event, *COPIED[how]],
    )
    expect(field).to_have_value(re.compile("^(/srv/a b|file:///srv/a%20b)$"))


def test_what_is_dropped_without_a_path_is_not_uploaded_but_told_how(window: Window) -> None:
    window.open("/#/folders")
    page = window.page
    window.drop("form", {"letter.txt": b"Dear Anna"})
    form = page.get_by_role("form", name="Watch a folder")
    expect(form.get_by_role("alert")).to_contain_text("“letter.txt” is a file.")
    expect(page.get_by_role("textbox", name="Folder's path")).to_be_focused()
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()
    form.get_by_text("How to copy a folder's path").click()
    expect(form.get_by_role("listitem").first).to_be_visible()
    window.keep_screenshot("folders-how-to")


def test_a_folder_that_cannot_be_removed_says_so_at_its_place_as_long_as_it_holds(
    window: Window, daemon: Daemon, tmp_path: Path
) -> None:
    window.expect_fault("status of 400|ERR_CONNECTION_REFUSED")
    (tmp_path / "birds").mkdir()
    path = str(tmp_path / "birds")
    daemon.client.post("/roots", json={"path": path}).raise_for_status()
    window.open("/#/folders")
    page, cut = window.page, window.cuts()
    row = page.get_by_role("listitem").filter(has_text=path)
    told = row.get_by_role("alert")
    refuse = {"error": {"message": "it is held fast", "type": "invalid_request_error"}}
    page.route(re.compile(r"/roots\?"), lambda route: route.fulfill(status=400, json=refuse))
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Forget folder").click()
    expect(told).to_have_text("it is held fast")
    page.route(re.compile(r"/roots\?"), lambda route: route.abort("connectionrefused"))
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Forget folder").click()
    expect(told).to_contain_text("prismd cannot be reached")
    cut()
    expect(told).to_have_count(0)
    daemon.client.delete("/roots", params={"path": path}).raise_for_status()
    expect(row).to_have_count(0)
