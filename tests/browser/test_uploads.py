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
