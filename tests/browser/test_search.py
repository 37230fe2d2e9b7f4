"""Searching on the page: results, filters, the address, pictures, the keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Opens
from tests.browser.harness import PHONE, Window
from tests.browser.samples import DEPOSIT, HOSTILE, VALVE
from tests.building import picture, wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser


def search(window: Window, words: str) -> Locator:
    """Search; returns the results."""
    page = window.page
    page.get_by_role("radio", name="Search").check(force=True)
    box = page.get_by_role("textbox", name="Ask or search your files")
    box.fill(words)
    box.press("Enter")
    return results(window)


def results(window: Window) -> Locator:
    return window.page.get_by_role("list", name="Results").get_by_role("listitem")


def test_results_show_title_place_and_words(window: Window) -> None:
    first = search(window, "quarterly deposit boathouse").first
    expect(first).to_contain_text(DEPOSIT)
    expect(first).to_contain_text("page ")
    expect(first).to_contain_text("Boathouse.pdf")
    expect(first.locator("mark").filter(has_text="deposit").first).to_be_visible()
    window.keep_screenshot("results")


def test_a_search_stands_in_the_address_and_back_undoes_it(window: Window) -> None:
    page = window.page
    expect(search(window, "emergency valve").first).to_contain_text(VALVE)
    expect(page).to_have_url(re.compile(r"q=emergency\+valve"))
    expect(search(window, "marmalade contest").first).to_contain_text(HOSTILE)
    page.reload()
    expect(results(window).first).to_contain_text(HOSTILE)
    page.go_back()
    expect(results(window).first).to_contain_text(VALVE)
    box = page.get_by_role("textbox", name="Ask or search your files")
    expect(box).to_have_value("emergency valve")
    page.go_forward()
    expect(results(window).first).to_contain_text(HOSTILE)


def test_back_leads_to_where_the_results_were_read(window: Window) -> None:
    page = window.page
    page.set_viewport_size({"width": 1280, "height": 300})
    expect(search(window, "rowing boats").nth(3)).to_be_visible()
    page.mouse.move(640, 250)
    read = 700
    page.mouse.wheel(0, read)  # by steps, at each of which it may be written down
    wait_until(lambda: page.evaluate("[scrollY, history.state.top]") == [read, read])
    search(window, "marmalade contest")
    expect(results(window).first).to_contain_text(HOSTILE)
    assert page.evaluate("scrollY") == 0  # never read
    window.page.get_by_role("link", name="Files").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
    page.go_back()
    expect(results(window).first).to_contain_text(HOSTILE)
    page.go_back()
    wait_until(lambda: page.evaluate("scrollY") == read)
    page.get_by_role("link", name="Files").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
    page.go_back()
    wait_until(lambda: page.evaluate("scrollY") == read)


def test_words_stay_out_of_the_address_while_nothing_is_kept(
    window: Window, daemon: Daemon
) -> None:
    page = window.page
    where = "JSON.stringify([location.href, history.state, {...sessionStorage}, {...localStorage}])"
    expect(search(window, "emergency valve").first).to_contain_text(VALVE)
    daemon.client.post("/search/history", json={"kept": False}).raise_for_status()
    try:
        expect(page).to_have_url(re.compile("mode=search$"))  # the words were there a moment ago
        expect(search(window, "marmalade contest").first).to_contain_text(HOSTILE)
        assert "marmalade" not in page.evaluate(where)
        page.reload()
        expect(results(window).first).to_contain_text(HOSTILE)
        page.go_back()
        expect(results(window).first).to_contain_text(VALVE)
        assert "valve" not in page.evaluate(where)
        box = page.get_by_role("textbox", name="Ask or search your files")
        expect(box).to_have_value("emergency valve")
        page.go_forward()
        expect(results(window).first).to_contain_text(HOSTILE)
        window.open("/#/?mode=search&q=emergency+valve&type=text")
        expect(results(window).first).to_contain_text(VALVE)
        expect(page).to_have_url(re.compile(r"#/\?mode=search&type=text$"))
        page.evaluate("window.name = ''")  # as a page of anybody else leaves it
        page.reload()
        expect(page.get_by_text("What was searched for was not kept.")).to_be_visible()
        window.open("/#/?mode=search&q=emergency+valve&type=text")
        expect(results(window).first).to_contain_text(VALVE)
    finally:
        daemon.client.post("/search/history", json={"kept": True}).raise_for_status()
    expect(page).to_have_url(re.compile(r"#/\?mode=search&q=emergency\+valve&type=text$"))


def test_filters_narrow_stand_in_the_address_and_are_taken_away(window: Window) -> None:
    page = window.page
    search(window, "ferry")
    expect(results(window).filter(has_text="Boathouse").first).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("region", name="Filters").get_by_role("checkbox", name="Pictures").check()
    expect(results(window).filter(has_text="Boathouse")).to_have_count(0)
    expect(results(window).filter(has_text="ticket.png")).to_have_count(1)
    expect(page).to_have_url(re.compile("type=image"))
    window.keep_screenshot("results-filtered")
    page.reload()
    chip = page.get_by_role("button", name="Remove filter Pictures")
    expect(chip).to_be_visible()
    expect(results(window).filter(has_text="ticket.png")).to_have_count(1)
    chip.click()
    expect(results(window).filter(has_text="Boathouse").first).to_be_visible()
    page.go_back()
    expect(results(window).filter(has_text="Boathouse")).to_have_count(0)


def test_a_filter_that_is_taken_away_does_not_come_back_with_the_next(window: Window) -> None:
    page = window.page
    search(window, "ferry")
    page.get_by_role("button", name="Filters").click()
    panel = page.get_by_role("region", name="Filters")
    panel.get_by_role("checkbox", name="Pictures").check()
    page.get_by_role("button", name="Remove filter Pictures").click()
    expect(panel.get_by_role("checkbox", name="Pictures")).not_to_be_checked()
    expect(page.get_by_role("button", name="Filters")).to_be_focused()
    panel.get_by_role("checkbox", name="Recordings").check()
    expect(page.get_by_role("list", name="Active filters").get_by_role("button")).to_have_count(1)


def test_a_year_that_is_being_typed_is_not_searched_by(window: Window) -> None:
    page = window.page
    search(window, "ferry")
    expect(results(window).first).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    steps = page.evaluate("history.length")
    page.get_by_role("region", name="Filters").get_by_label("On or after").focus()
    page.keyboard.type("01152024")
    expect(page.get_by_role("button", name="Remove filter from 2024-01-15")).to_be_visible()
    assert page.evaluate("history.length") == steps + 1


def test_keys_leave_a_question_alone_that_is_being_asked(window: Window) -> None:
    page = window.page
    window.open("/#/files")
    page.get_by_role("button", name=re.compile("^Forget")).first.click()
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_filters_by_date_and_within_the_words(window: Window) -> None:
    search(window, "valve after:2030-01-01")
    expect(window.page.get_by_text("Nothing was found.")).to_be_visible()
    window.open("/#/?mode=search&q=valve&before=2023-01-01")
    expect(
        window.page.get_by_role("button", name=re.compile("Remove filter before"))
    ).to_be_visible()
    expect(window.page.get_by_text("Nothing was found.")).to_be_visible()
    window.open("/#/?mode=search&q=valve&after=2023-01-01")
    expect(results(window).first).to_contain_text(VALVE)


def test_a_picture_that_has_gone_is_told_without_names_of_the_api(window: Window) -> None:
    window.expect_fault("status of 404")
    window.open("/#/?mode=search&image=file-99999")
    told = window.page.get_by_role("main").get_by_role("alert")
    expect(told).to_contain_text("not among your files any more")
    window.page.get_by_role("button", name="Remove picture").click()
    expect(told).to_have_count(0)


def test_results_are_gone_through_and_opened_by_the_keyboard(window: Window) -> None:
    page = window.page
    search(window, "rowing boats")
    expect(results(window).nth(1)).to_be_visible()
    titles = page.get_by_role("list", name="Results").get_by_role("heading").get_by_role("button")
    page.keyboard.press("ArrowDown")
    expect(titles.first).to_be_focused()
    page.keyboard.press("j")
    expect(titles.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(titles.first).to_be_focused()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("region", name="handbook.txt")
    expect(viewer).to_be_visible()
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(titles.first).to_be_focused()
    page.keyboard.press("/")
    box = page.get_by_role("textbox", name="Ask or search your files")
    expect(box).to_be_focused()
    box.fill("")
    box.press("Enter")
    expect(results(window)).to_have_count(0)
    box.fill("draft of a search")
    page.get_by_role("link", name="Files").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
    page.get_by_role("navigation").get_by_role("link", name="Ask").click()
    expect(box).to_have_value("")


def test_what_was_opened_of_a_search_goes_with_it(window: Window) -> None:
    page = window.page
    search(window, "emergency valve").first.get_by_role("button").click()
    expect(page.locator("#viewer")).to_be_visible()
    expect(search(window, "marmalade contest").first).to_contain_text(HOSTILE)
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.get_by_role("textbox", name="Ask or search your files")).to_be_focused()


def test_what_was_opened_while_a_search_took_its_time_stays(opens: Opens, daemon: Daemon) -> None:
    with opens(daemon, size=PHONE) as window:
        window.sign_in()
        page = window.page
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        expect(search(window, "emergency valve").first).to_contain_text(VALVE)
        page.route("**/search", hold)
        with page.expect_request("**/search"):
            search(window, "marmalade contest")
        results(window).first.get_by_role("button").click()
        viewer = page.get_by_role("dialog", name="handbook.txt")
        expect(viewer.get_by_role("list", name="Lines")).not_to_be_empty()
        held[0].continue_()
        first = page.locator(".result").first  # covered: nothing for who asks by roles
        expect(first).to_contain_text(HOSTILE)
        expect(viewer).to_be_visible()


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_picture_finds_its_like_and_is_not_kept(window: Window, daemon: Daemon, way: str) -> None:
    page, before = window.page, daemon.status()["files"]["total"]
    if way == "chosen":
        with page.expect_file_chooser() as choosing:
            page.get_by_role("button", name="Search by picture").click()
        choosing.value.set_files(
            {"name": "red.png", "mimeType": "image/png", "buffer": picture("red", size=(64, 64))}
        )
    else:
        window.drop("#question", {"red.png": picture("red", size=(64, 64))})
    expect(results(window).first).to_contain_text("barn.png")
    expect(page.get_by_text("Like red.png")).to_be_visible()
    expect(page.get_by_text("Drop files to make them searchable")).to_be_hidden()
    window.keep_screenshot(f"results-by-picture-{way}")
    assert daemon.status()["files"]["total"] == before
    page.get_by_role("button", name="Remove picture").click()
    expect(page.get_by_text("Like red.png")).to_be_hidden()
    expect(results(window)).to_have_count(0)


def test_a_picture_is_searched_by_only_where_the_address_has_it(window: Window) -> None:
    page, like = window.page, window.page.get_by_text("Like red.png")
    expect(search(window, "emergency valve").first).to_contain_text(VALVE)
    window.drop("#question", {"red.png": picture("red", size=(64, 64))})
    expect(results(window).filter(has_text="barn.png").first).to_be_visible()
    page.go_back()
    expect(like).to_be_hidden()
    expect(results(window).filter(has_text="barn.png")).to_have_count(0)
    expect(results(window).first).to_contain_text(VALVE)
    page.go_forward()
    expect(like).to_be_visible()
    expect(results(window).filter(has_text="barn.png").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("was not kept. Choose it again.")).to_be_visible()
    expect(results(window).first).to_contain_text(VALVE)
    expect(like).to_be_hidden()


def test_the_whole_way_from_words_to_the_place_by_keyboard(window: Window) -> None:
    page = window.page
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Ask or search your files")).to_be_focused()
    page.keyboard.type(VALVE.rstrip("."))
    page.keyboard.press("Enter")
    source = page.get_by_role("list", name="Sources").get_by_role("button").first
    expect(source).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if source.evaluate("element => element === document.activeElement"):
            break
    expect(source).to_be_focused()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("region", name="handbook.txt")
    expect(viewer.locator("mark")).to_have_text(VALVE)
    page.keyboard.press("Escape")
    expect(source).to_be_focused()
