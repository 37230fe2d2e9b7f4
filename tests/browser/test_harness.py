"""What other tests rely on: a window notes what goes wrong, and a missing browser is said."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser import harness
from tests.browser.conftest import needed
from tests.browser.harness import BrowserError, Window, find_browser
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        ("console.error('amiss')", "console: amiss"),
        ("setTimeout(() => { throw new Error('unheard') })", "exception: .*unheard"),
        ("fetch('/no-such-thing')", "console: .*404"),
        ("fetch('http://127.0.0.1:9/').catch(() => 0)", "Content Security Policy"),
        ("document.body.style = 'color: red'", ""),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    ],
)
def test_a_window_notes_what_a_page_must_not_do(
    browser: Browser, daemon: Daemon, harm: str, fault: str
) -> None:
    context = browser.new_context()
    window = Window(context, daemon)
    window.sign_in()
    assert window.faults == []
    window.page.evaluate(f"() => {{ {harm}; }}")
    wait_until(lambda: bool(window.page.evaluate("true") and (window.faults or not fault)))
    noted = window.faults
    window.expect_fault(fault)
    assert bool(noted) is bool(fault)
    assert window.faults == []
    context.close()


def test_a_request_to_somebody_else_is_noted(browser: Browser, daemon: Daemon) -> None:
    context = browser.new_context(bypass_csp=True)
    window = Window(context, daemon)
    window.sign_in()
    window.page.evaluate("fetch('http://evil.example:9/').catch(() => 0)")
    assert [fault for fault in window.faults if fault.startswith("to http://evil.example")]
    context.close()


def test_a_missing_browser_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "_NAMED", "/no/such/browser")
    with pytest.raises(BrowserError, match="PRISMD_TEST_BROWSER"):
        find_browser()


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_browser_skips_tests_and_fails_them_where_it_must_be_there(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr(harness, "_NAMED", "/no/such/browser")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="/no/such/browser"):
        needed(find_browser)
