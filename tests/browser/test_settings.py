"""The settings as the page shows them, and how it looks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.harness import Window
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

COLOUR = "background-color"


def test_settings_are_shown_with_the_file_and_where_each_was_set(
    window: Window, daemon: Daemon
) -> None:
    window.open("/#/settings")
    page = window.page
    file = page.get_by_role("region", name="Configuration file")
    expect(file).to_contain_text(str(daemon.place.config))
    row = page.get_by_role("table").get_by_role("row").filter(has_text="workers")
    expect(row.first).to_contain_text("the file")
    page.get_by_role("searchbox", name="Find a setting").fill("requests_per_minute")
    shown = page.get_by_role("row").filter(has_text="requests_per_minute")
    expect(shown.first).to_contain_text("PRISMD_SERVER_REQUESTS_PER_MINUTE")
    expect(page.get_by_role("row").filter(has_text="overlap_tokens")).to_have_count(0)
    window.keep_screenshot("settings-found")


def test_no_secret_is_shown(window: Window, daemon: Daemon) -> None:
    token = daemon.client.headers["Authorization"].removeprefix("Bearer ")
    window.open("/#/settings")
    expect(window.page.get_by_role("table").first).to_be_visible()
    assert token not in window.page.content()


def test_a_chosen_appearance_outlasts_the_page_and_goes_before_the_systems(
    opens: Opens, daemon: Daemon
) -> None:
    with opens(daemon, color_scheme="light") as window:
        window.sign_in("/")
        window.open("/#/settings")
        page = window.page
        expect(page.get_by_role("radio", name="As the system")).to_be_checked()
        body = page.locator("html")
        light = window.style("html", COLOUR)
        page.get_by_role("radio", name="Dark").check()
        expect(body).not_to_have_css(COLOUR, light)
        dark = window.style("html", COLOUR)
        page.reload()
        expect(page.get_by_role("radio", name="Dark")).to_be_checked()
        expect(body).to_have_css(COLOUR, dark)
        page.get_by_role("radio", name="As the system").check()
        expect(body).to_have_css(COLOUR, light)
        page.emulate_media(color_scheme="dark")
        expect(body).to_have_css(COLOUR, dark)
