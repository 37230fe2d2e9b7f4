"""What a browser writes down of an index of which nothing is to be kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.asking import cited
from tests.browser.conftest import needed
from tests.browser.harness import Window, find_browser, running_profile
from tests.browser.samples import VALVE
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

SEARCHED, ASKED, NAMED = "zebrafinch", "wombatquery", "platypusfile"


def test_no_word_and_no_title_comes_into_the_profile_of_the_browser(
    browser: Browser, daemon: Daemon, tmp_path: Path
) -> None:
    post = daemon.client.post
    post("/search", json={"query": f"{SEARCHED} before"}).raise_for_status()
    citation = cited(daemon, VALVE)
    post("/search/history", json={"kept": False}).raise_for_status()
    with running_profile(browser, needed(find_browser), tmp_path) as context:
        window = Window(context, daemon)
        window.sign_in("/#/history")
        use(window, citation["citation_id"])
    written = words_in(tmp_path)
    assert has(written, citation["citation_id"]), "this browser keeps nothing: nothing is shown"
    for words in (SEARCHED, ASKED, NAMED, citation["title"]):
        assert not has(written, words), words


def use(window: Window, citation_id: str) -> None:
    """Search, ask, look for a file and open a citation, as a person does."""
    page = window.page
    entry = page.get_by_role("button", name=f"{SEARCHED} before", exact=True)
    entry.click(modifiers=["ControlOrMeta"])
    entry.click()
    box = page.get_by_role("textbox", name="Ask or search your files")
    expect(box).to_have_value(f"{SEARCHED} before")
    page.get_by_role("radio", name="Ask").check(force=True)
    box.fill("")
    box.press_sequentially(f"{ASKED} valve")
    box.press("Enter")
    expect(page.get_by_role("article")).to_have_attribute("data-state", "done")
    page.get_by_role("link", name="Files").click()
    page.get_by_role("searchbox", name="Name or folder").press_sequentially(NAMED)
    expect(page.get_by_role("main")).to_contain_text("No file is like this")
    window.open(f"/c/{citation_id}")
    expect(page).to_have_title("Citation · prismd")


def words_in(folder: Path) -> bytes:
    """All that lies in a profile but what came with the page itself."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def has(written: bytes, words: str) -> bool:
    """Whether words stand there, however a browser codes them."""
    return any(words.encode(coding) in written for coding in ("utf-8", "utf-16-le"))
