"""What was searched and asked, on the page: found again, forgotten, not kept any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.harness import Window
from tests.browser.samples import VALVE
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def asked(daemon: Daemon) -> Iterator[None]:
    """A history of three: two searches, one of them hostile, and a question."""
    post = daemon.client.post
    post("/search/history", json={"kept": True}).raise_for_status()
    daemon.client.delete("/search/history").raise_for_status()
    post("/search", json={"query": "ferry ticket", "type": "document"}).raise_for_status()
    post("/search", json={"query": MARKUP}).raise_for_status()
    question = {"model": "prism", "messages": [{"role": "user", "content": VALVE.rstrip(".")}]}
    post("/v1/chat/completions", json=question).raise_for_status()
    wait_until(lambda: len(kept(daemon)["data"]) == 3)
    yield
    post("/search/history", json={"kept": True}).raise_for_status()


def hold(route: Route) -> None:
    """Give no answer."""


def kept(daemon: Daemon) -> Any:
    return daemon.client.get("/search/history").json()


def test_one_entry_is_forgotten_and_then_all(window: Window, daemon: Daemon) -> None:
    window.open("/#/history")
    page = window.page
    rows = page.get_by_role("list", name="Searches and questions").get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text=MARKUP)).to_have_count(1)
    expect(rows.filter(has_text="ferry ticket")).to_contain_text("Documents")
    window.keep_screenshot("history")
    page.get_by_role("button", name="Forget ferry ticket").click()
    expect(rows).to_have_count(2)
    assert "ferry ticket" not in [entry["query"] for entry in kept(daemon)["data"]]
    page.get_by_role("button", name="Clear history").click()
    dialog = page.get_by_role("dialog", name="Clear the history?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Clear history").click()
    dialog.get_by_role("button", name="Clear history").click()
    expect(rows).to_have_count(0)
    assert kept(daemon)["data"] == []


def test_questions_and_searches_are_told_apart_and_the_address_says_which(
    window: Window, daemon: Daemon
) -> None:
    window.open("/#/history")
    page = window.page
    rows = page.get_by_role("list", name="Searches and questions").get_by_role("listitem")
    page.get_by_role("button", name="Questions").click()
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    page.go_back()
    expect(rows).to_have_count(3)


def test_switched_off_nothing_is_added(window: Window, daemon: Daemon) -> None:
    window.open("/#/history")
    switch = window.page.get_by_role("switch", name="Keep what I search and ask")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    assert kept(daemon)["kept"] is False
    main = window.page.get_by_role("main")
    expect(main.get_by_role("button", name="ferry ticket", exact=True)).to_be_visible()
    expect(main.get_by_role("link")).to_have_count(0)  # an address would have the words
    window.keep_screenshot("history-off")
    daemon.client.post("/search", json={"query": "harbour"}).raise_for_status()
    assert len(kept(daemon)["data"]) == 3
    window.page.reload()
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    expect(main.get_by_role("link", name="ferry ticket", exact=True)).to_be_visible()
    daemon.client.post("/search", json={"query": "harbour"}).raise_for_status()
    wait_until(lambda: len(kept(daemon)["data"]) == 4)  # it is kept after the answer


def test_the_switch_is_not_shown_before_it_is_known_how_it_stands(window: Window) -> None:
    page, held = window.page, list[Route]()
    page.route("**/search/history*", lambda route: held.append(route))
    window.open("/#/history")
    wait_until(lambda: page.evaluate("true") and len(held) > 0)
    switch = page.get_by_role("switch", name="Keep what I search and ask")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(switch).to_be_hidden()
    for route in held:
        route.continue_()
    expect(switch).to_be_checked()


def test_a_question_is_asked_again_where_it_is_clicked_but_not_where_a_link_leads(
    window: Window,
) -> None:
    page = window.page
    question = VALVE.rstrip(".")
    window.open("/#/history")
    link = page.get_by_role("link", name=question)
    address = link.get_attribute("href") or ""
    window.open(f"/{address}")
    box = page.get_by_role("textbox", name="Ask or search your files")
    expect(box).to_have_value(question)
    window.open("/#/history")
    link.click()
    turn = page.get_by_role("article")
    expect(turn).to_have_count(1)
    expect(turn).to_contain_text(VALVE)
    expect(box).to_have_value("")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("History")
    page.go_forward()
    expect(turn).to_have_count(1)
    page.route("**/v1/chat/completions", hold)
    box.fill("ferry?")
    box.press("Enter")
    expect(turn.last).to_have_attribute("aria-busy", "true")
    page.go_back()
    link.first.click()
    expect(page.get_by_text("An answer is being written.")).to_be_visible()
    expect(box).to_have_value(question)
    expect(turn).to_have_count(2)
