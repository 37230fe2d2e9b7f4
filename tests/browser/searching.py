"""Searches on the page, as a person does."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import Locator, expect

from tests.browser.harness import Window


def found(window: Window, words: str, title: str) -> Locator:
    """Search, and wait; returns the button that opens the first result of a title."""
    window.open(f"/#/?{urlencode({'mode': 'search', 'q': words})}")
    results = window.page.get_by_role("list", name="Results")
    result = results.get_by_role("listitem").filter(has_text=title).first
    button = result.get_by_role("button").first
    expect(button).to_be_visible()
    return button
