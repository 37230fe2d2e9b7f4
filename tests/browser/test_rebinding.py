"""A foreign page whose name was made to lead to this computer after it had come (DNS rebinding).

To the browser everything of the daemon is then of the page's own origin, so that nothing but the
name keeps it away: that must be enough on every route, even if the page had the cookie.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Opens
from tests.browser.foreign import ATTACKS
from tests.browser.harness import Window
from tests.browser.test_foreign_pages import addresses, state
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

ASK = """async ([method, path]) => {
    const answer = await fetch(path, {method, body: method === "GET" ? undefined : "{}",
        headers: {"content-type": "application/json"}});
    return [answer.status, await answer.text()];
}"""
REFUSED = (403, "host_not_allowed")


@pytest.fixture
def rebound(opens: Opens, daemon: Daemon) -> Iterator[tuple[Window, Page]]:
    """A window that is signed in, and a page of a foreign name that leads here.

    What the daemon answers to that name stands for the page that came before: it is of the same
    origin, and its policy is passed over, as the other page had none.
    """
    home = f"http://evil.example:{daemon.place.port}"
    with opens(daemon, bypass_csp=True) as window:
        window.sign_in()
        window.expect_fault("")
        [cookie] = window.context.cookies(daemon.url)
        planted = {"name": cookie["name"], "value": cookie["value"], "url": home, "httpOnly": True}
        window.context.add_cookies([planted])  # type: ignore[list-item]
        page = window.context.new_page()
        shown = page.goto(home)
        assert shown is not None
        assert shown.status == REFUSED[0]
        assert "allowed_hosts" in shown.text()  # a page, as it is opened by a person
        page.add_script_tag(path=ATTACKS)
        yield window, page


def test_every_route_refuses_a_foreign_name(rebound: tuple[Window, Page], daemon: Daemon) -> None:
    _, page = rebound
    tried = addresses(daemon)
    before = state(daemon)
    shown = [*tried["pages"], *tried["pictures"], *tried["scripts"], *tried["styles"]]
    more = ["/health", "/login?code=x", "/ws", "/mcp", "/no-such-thing", "/schema"]
    asked = [["GET", path] for path in [*tried["json"], *shown, *more]]
    for operation in [*asked, *tried["changes"]]:
        status, body = page.evaluate(ASK, operation)
        assert (status, json.loads(body)["error"]["code"]) == REFUSED, operation
    assert state(daemon) == before


def test_the_socket_refuses_a_foreign_name(rebound: tuple[Window, Page], daemon: Daemon) -> None:
    window, page = rebound
    home = f"ws://evil.example:{daemon.place.port}"
    attempt = "at => got(() => socket(at))"
    assert page.evaluate(attempt, f"{home}/ws") is None
    window.page.add_script_tag(path=ATTACKS)
    own = daemon.url.replace("http", "ws")
    assert window.page.evaluate(attempt, f"{own}/ws") == "open"


def test_pictures_scripts_and_frames_are_refused(
    rebound: tuple[Window, Page], daemon: Daemon
) -> None:
    _, page = rebound
    tried: dict[str, Any] = {**addresses(daemon), "json": []}
    home = f"http://evil.example:{daemon.place.port}"
    results = page.evaluate("reading", {"target": home, **tried})
    # Of its own origin a page may start a worker, whatever comes of it.
    assert {name for name, found in results.items() if found is not None} <= {
        f"worker {path}" for path in tried["scripts"]
    }
    page.evaluate("framed", {"target": home, **tried})
    shown = [frame.evaluate("document.body?.innerText ?? ''") for frame in page.frames[1:]]
    assert shown
    assert not [text for text in shown if text and "refused to connect" not in text]
