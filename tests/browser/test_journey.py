"""A whole way through the page as a screen reader has it: names, roles, announcements."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opens
from tests.browser.harness import PHONE, WIDE, Window
from tests.browser.listening import Listener
from tests.browser.samples import DEPOSIT, DEPOSIT_PAGE
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

TITLE = "Chapter 1"

FRAME = """
- banner:
  - link "prismd, start"
  - navigation "Main":
    - list:
      - listitem:
        - link "Ask"
      - listitem:
        - link "Files"
      - listitem:
        - link "Activity"
      - listitem:
        - link "Folders"
      - listitem:
        - link "History"
      - listitem:
        - link "Settings"
  - group "Indexing"
- main:
  - heading "What would you like to know?" [level=1]
  - search "Your files":
    - textbox "Ask or search your files"
    - radiogroup "What to do":
      - radio "Ask" [checked]
      - radio "Search"
"""

RESULTS = f"""
- heading "Search your files" [level=1]
- search "Your files"
- list "Results":
  - listitem:
    - heading /Chapter 1.*page {DEPOSIT_PAGE}/ [level=2]
"""

VIEWER = f"""
- heading "Chapter 1" [level=2]
- button "Close (Esc)"
- group "Page and size":
  - button "Page before"
  - text: {DEPOSIT_PAGE} of 4
  - button "Next page"
  - button "Smaller" [disabled]
  - button "Larger"
- group "Page, scrollable":
  - img "Page {DEPOSIT_PAGE} of 4 of Chapter 1, the place marked"
- group: Text of this page
- link "The whole file"
- button "Copy path"
"""

LAST_PAGE = """
- group "Page and size":
  - button "Page before"
  - text: 4 of 4
  - button "Next page" [disabled]
  - button "Smaller" [disabled]
  - button "Larger"
- group "Page, scrollable":
  - img "Page 4 of 4 of Chapter 1"
"""


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_from_words_to_the_place_and_back(
    opens: Opens, daemon: Daemon, size: tuple[int, int]
) -> None:
    with opens(daemon, size=size) as window:
        window.sign_in()
        page = window.page
        expect(page.locator("#shell")).to_match_aria_snapshot(FRAME)
        listener = Listener(window)
        search_by_keyboard(page)
        listener.hears("result")
        expect(page.get_by_role("main")).to_match_aria_snapshot(RESULTS)
        opener = open_by_keyboard(window, listener)
        viewer = page.get_by_role("dialog" if size == PHONE else "region", name=TITLE)
        expect(viewer).to_match_aria_snapshot(VIEWER)
        expect(viewer.get_by_role("button", name="Close (Esc)")).to_be_focused()
        turn_by_keyboard(page, listener)
        expect(viewer).to_match_aria_snapshot(LAST_PAGE)
        expect(viewer.get_by_role("button", name="Next page")).to_be_focused()
        page.keyboard.press("Escape")
        expect(viewer).to_be_hidden()
        expect(opener).to_be_focused()
        expect(page.get_by_role("main")).to_match_aria_snapshot(RESULTS)
        page.go_back()
        expect(page.get_by_role("list", name="Results")).to_have_count(0)
        expect(page.locator("#shell")).to_match_aria_snapshot(FRAME)


def search_by_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Ask or search your files")).to_be_focused()
    page.keyboard.type(DEPOSIT)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Search")).to_be_checked()


def open_by_keyboard(window: Window, listener: Listener) -> Locator:
    """Open the result of the boathouse; returns its button."""
    results = window.page.get_by_role("list", name="Results").get_by_role("listitem")
    result = results.filter(has_text="Boathouse.pdf").filter(has_text=f"page {DEPOSIT_PAGE}")
    opener = result.get_by_role("button").first
    opener.focus()
    window.page.keyboard.press("Enter")
    listener.hears(f"Opened {TITLE}. page {DEPOSIT_PAGE}")
    return opener


def turn_by_keyboard(page: Page, listener: Listener) -> None:
    forward = page.get_by_role("button", name="Next page")
    for _ in range(5):
        page.keyboard.press("Tab")
        if forward.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    listener.hears("Page 4 of 4")
