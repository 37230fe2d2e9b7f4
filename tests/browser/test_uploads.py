"""Files dropped on the page, or chosen, until they can be searched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Window
from tests.building import picture, write_file
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

LYNX = "The lynx was seen at the upper weir on a Thursday."
BADGER = "The badger sett has eleven entrances."


def test_dropped_files_can_be_searched_soon(window: Window, daemon: Daemon) -> None:
    window.drop("main", {"lynx.txt": LYNX.encode(), "blue.png": picture("blue", "Regatta")})
    uploads = window.page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("lynx.txt: can be searched")).to_be_visible()
    expect(uploads.get_by_text("blue.png: can be searched")).to_be_visible()
    window.keep_screenshot("uploads")
    assert daemon.finds("lynx") == ["lynx.txt"]
    uploads.get_by_role("button", name="Hide lynx.txt").click()
    expect(uploads.get_by_role("listitem")).to_have_count(1)
    page = window.page
    window.open("/#/files")
    expect(page.get_by_role("link", name="Similar pictures to blue.png")).to_be_visible()
    window.open("/#/?mode=search&q=lynx")
    path = page.get_by_role("list", name="Results").locator(".result-path").first
    expect(path).to_have_text("Uploaded: lynx.txt")
    page.get_by_role("radio", name="Ask").check(force=True)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".source-path").first).to_have_text("Uploaded: lynx.txt")


def test_chosen_files_can_be_searched_and_the_same_is_known(
    window: Window, daemon: Daemon, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "badger.txt", BADGER)
    page = window.page
    uploads = page.get_by_role("region", name="Uploads")
    for words in ("can be searched", "known|before|already"):
        with page.expect_file_chooser() as choosing:
            page.get_by_role("button", name="Upload files").click()
        choosing.value.set_files(path)
        row = uploads.get_by_role("listitem").first
        expect(row).to_contain_text(re.compile(words))
    assert daemon.finds("badger sett")[0] == "badger.txt"


def test_refused_files_say_why(window: Window, daemon: Daemon) -> None:
    window.expect_fault(r"status of 4\d\d")
    window.drop(
        "main", {"nothing.txt": b"", "broken.pdf": b"%PDF-1.7\nno more", "<b>x</b>.bin": b"\0\1"}
    )
    uploads = window.page.get_by_role("region", name="Uploads")
    for name in ("nothing.txt", "broken.pdf", "<b>x</b>.bin"):
        row = uploads.get_by_role("listitem").filter(has_text=name)
        expect(row.get_by_role("progressbar")).to_be_hidden()
        expect(row).to_contain_text(re.compile(r"\w{3,} \w{2,}"))
        expect(row.get_by_role("button", name=f"Hide {name}")).to_be_visible()
    window.keep_screenshot("uploads-refused")


def test_the_focus_goes_on_when_what_had_it_is_put_away(window: Window) -> None:
    uploads = window.page.get_by_role("region", name="Uploads")
    upload = window.page.get_by_role("button", name="Upload files")
    window.expect_fault(r"status of 4\d\d")
    window.drop("main", {"one.bin": b"\0\1", "two.bin": b"\0\2"})
    expect(uploads.get_by_role("button", name=re.compile("^Hide"))).to_have_count(2)
    for left in (1, 0):
        uploads.get_by_role("button", name=re.compile("^Hide")).first.press("Enter")
        expect(uploads.get_by_role("listitem")).to_have_count(left)
        shown = uploads.get_by_role("button", name=re.compile("^Hide")) if left else upload
        expect(shown).to_be_focused()
    window.drop("main", {"three.bin": b"\0\3"})
    uploads.get_by_role("button", name="Close uploads").press("Enter")
    expect(uploads).to_be_hidden()
    expect(upload).to_be_focused()
