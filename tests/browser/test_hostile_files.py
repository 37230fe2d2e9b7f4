"""Files that would do harm if a browser took them for pages of prismd's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import cited, file_id
from tests.browser.conftest import Opens
from tests.browser.harness import Window
from tests.browser.samples import DEPOSIT, HOSTILE, hostile_html
from tests.browser.searching import found
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

HTML = hostile_html()
XHTML = HTML.replace("<!doctype html>", '<html xmlns="http://www.w3.org/1999/xhtml">') + "</html>"
UPLOADS = {
    "page.html": HTML,
    "page.xhtml": XHTML,
    "picture.png": HTML,
    "report.pdf": HTML,
    "notes.txt": HTML,
    "script.js": "document.title = 'ran'; fetch('/pause', {method: 'POST'});",
    "mail.eml": f"Content-Type: text/html\n\n{HTML}",
    "archive.mhtml": f"MIME-Version: 1.0\nContent-Type: text/html\n\n{HTML}",
    "<img src=x onerror=document.title='ran'>.txt": HOSTILE,
}


@pytest.fixture
def watched(opens: Opens, daemon: Daemon) -> Iterator[tuple[Window, list[str]]]:
    """A window that is signed in, and the requests that it sends which are no navigation."""
    with opens(daemon) as window:
        window.sign_in("/status")
        window.expect_fault("console: ")  # refusals of what is tried
        asked: list[str] = []
        window.context.on(
            "request", lambda sent: None if sent.is_navigation_request() else asked.append(sent.url)
        )
        yield window, asked


def assert_nothing_ran(page: Page, asked: list[str], daemon: Daemon) -> None:
    page.wait_for_load_state("networkidle")
    assert page.title() != "ran"
    assert [address for address in asked if "favicon" not in address] == []
    assert daemon.status()["paused"] is None


def assert_no_page(window: Window, asked: list[str], address: str) -> None:
    """What is at an address is shown as text, in an origin of its own, or saved."""
    answer = window.daemon.client.get(address).raise_for_status()
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers["content-disposition"].startswith("inline"):
        window.open(address)
        assert window.page.evaluate("document.contentType") in ("text/plain", "application/json")
        assert window.page.evaluate("window.origin") == "null"
    else:
        with window.page.expect_download():
            window.page.evaluate("at => { location = at }", address)
    assert_nothing_ran(window.page, asked, window.daemon)


@pytest.mark.parametrize("name", UPLOADS)
def test_the_content_of_an_upload_is_no_page_of_ours(
    watched: tuple[Window, list[str]], daemon: Daemon, name: str
) -> None:
    sent = daemon.client.post("/upload", files={"file": (name, UPLOADS[name].encode())})
    assert_no_page(*watched, f"/files/{sent.raise_for_status().json()['file_id']}/content")


@pytest.mark.parametrize("name", ["page.html", "drawing.svg"])
def test_the_content_of_a_watched_file_is_no_page_of_ours(
    watched: tuple[Window, list[str]], daemon: Daemon, name: str
) -> None:
    assert_no_page(*watched, f"/files/{file_id(daemon, name)}/content")


def test_what_it_says_is_text_on_the_page_of_its_citation(
    watched: tuple[Window, list[str]], daemon: Daemon
) -> None:
    window, asked = watched
    window.open(f"/c/{cited(daemon, HOSTILE)['citation_id']}")
    assert HOSTILE in window.page.inner_text("body")
    assert_nothing_ran(window.page, [at for at in asked if "/assets/" not in at], daemon)


def test_an_upload_serves_as_no_script_and_no_style_of_the_page(
    opens: Opens, daemon: Daemon
) -> None:
    sent = daemon.client.post("/upload", files={"file": ("s.js", b"document.title = 'ran';")})
    address = f"/files/{sent.raise_for_status().json()['file_id']}/content"
    with opens(daemon, bypass_csp=True) as window:  # were the page's own policy gone
        window.sign_in(f"/c/{cited(daemon, DEPOSIT)['citation_id']}")
        window.expect_fault("console: ")
        loaded = window.page.evaluate(
            """at => Promise.all(["script", "link"].map((tag) => new Promise((resolve) => {
                const made = Object.assign(document.createElement(tag),
                    {rel: "stylesheet", src: at, href: at});
                made.onload = () => resolve("loaded");
                made.onerror = () => resolve("refused");
                document.body.append(made);
            })))""",
            address,
        )
        assert loaded == ["refused", "refused"]
        assert window.page.title() != "ran"


KESTREL = "The kestrel hovered above the quarry on a Sunday."
TURNING = """() => {
    const turns = (text) => /[\\u202a-\\u202e\\u2066-\\u2069]/.test(text);
    const all = [...document.querySelectorAll("*")];
    const told = all.flatMap((each) => [...each.attributes].map((own) => own.value));
    return [document.body.innerText, ...told].filter(turns);
}"""


def test_a_name_that_turns_its_end_around_is_seen_as_such_wherever_it_is_shown(
    window: Window, daemon: Daemon
) -> None:
    page = window.page
    for folder in ("birds", "more \u202ebirds"):  # of one name, so that more of the path is shown
        daemon.place.write(f"{folder}/kestrel \u202eslx.txt", f"{KESTREL} ({folder[:1]})")
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: len(daemon.finds("kestrel quarry")) >= 2)
    found(window, "kestrel quarry", "kestrel").click()
    expect(page.locator("#viewer .viewer-path")).to_contain_text("kestrel \ufffdslx.txt")
    assert page.evaluate(TURNING) == []
    page.get_by_role("radio", name="Ask").check(force=True)
    page.get_by_role("textbox", name="Ask or search your files").fill(KESTREL)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("list", name="Sources")).to_contain_text("kestrel \ufffdslx.txt")
    assert page.evaluate(TURNING) == []
    window.open("/#/files?q=kestrel")
    expect(page.get_by_role("button", name="Open kestrel")).to_have_count(2)
    assert page.evaluate(TURNING) == []
