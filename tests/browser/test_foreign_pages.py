"""A foreign page in the browser that is signed in reads nothing and changes nothing.

It stands on another port of the same address (for cookies the same site), on another name of this
computer, and on a name of somebody else's. What it tries is in ``attacks.js``; a server without a
guard shows that each of these things gets somewhere where nobody keeps it away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import cited, file_id
from tests.browser.conftest import Opens
from tests.browser.foreign import ForeignServer, UnguardedServer, serving
from tests.browser.harness import Window
from tests.browser.samples import DEPOSIT
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

ORIGINS = ("127.0.0.1", "localhost", "evil.example")
NEVER = {"cookie", "worker", "service worker", "module"}
"""What no page gets from another origin; and not everything that is a script is a module."""


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    with serving(ForeignServer()) as port:
        yield port


@pytest.fixture
def unguarded() -> Iterator[UnguardedServer]:
    server = UnguardedServer()
    with serving(server):
        yield server


@pytest.fixture
def signed_in(opens: Opens, daemon: Daemon) -> Iterator[Window]:
    """A window that is signed in, in a browser in which foreign pages will fail."""
    with opens(daemon) as window:
        window.sign_in()
        window.expect_fault("")
        yield window


def state(daemon: Daemon) -> Mapping[str, Any]:
    """All that a page could want to change."""
    get = daemon.client.get
    status = daemon.status()
    looked_at = ("state", "paused", "overridden", "files", "passages", "embeddings_computed")
    return {
        "status": {key: status[key] for key in looked_at},
        "folders": [root["path"] for root in get("/roots").json()["data"]],
        "history": get("/search/history").json(),
        "files": [(item["id"], item["state"]) for item in get("/files").json()["data"]],
        "exclusions": get("/exclusions").json()["data"],
        "stores": [store["id"] for store in get("/vector_stores").json()["data"]],
        "login": get("/status").status_code,
    }


def asked(daemon: Daemon) -> int:
    """How much was asked and searched."""
    return int(daemon.client.get("/search/history").raise_for_status().json()["total"])


def addresses(daemon: Daemon) -> dict[str, Any]:
    """What is worth an attempt."""
    before = asked(daemon)
    citation = cited(daemon, DEPOSIT)["citation_id"]
    wait_until(lambda: asked(daemon) > before)  # it is kept after the answer
    paper, sound = file_id(daemon, "Boathouse.pdf"), file_id(daemon, "memo.wav")
    described = daemon.client.get("/schema/openapi.json").raise_for_status().json()["paths"]
    operations = [
        (method.upper(), _filled(path, {"file_id": paper, "citation_id": citation}))
        for path, known in described.items()
        for method in known
        if path.removeprefix("/v1") == path or path.removeprefix("/v1") not in described
    ]
    return {
        "json": [path for method, path in operations if method == "GET"],
        "changes": [operation for operation in operations if operation[0] not in ("GET", "HEAD")],
        "pictures": [
            f"/files/{paper}/preview?citation={citation}",
            f"/files/{file_id(daemon, 'barn.png')}/content",
            "/assets/icon.svg",
        ],
        "scripts": ["/assets/app.js", "/assets/theme.js", "/status", "/schema/openapi.json"],
        "styles": ["/assets/style.css", "/status"],
        "sounds": [f"/files/{sound}/content"],
        "pages": ["/", f"/c/{citation}", f"/files/{paper}/content", "/status"],
        "cookie": f"prismd_{daemon.place.port}",
    }


def _filled(path: str, known: Mapping[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda name: known.get(name[1], "x"), path)


def foreign_page(window: Window, host: str, port: int) -> Page:
    page = window.context.new_page()
    page.goto(f"http://{host}:{port}/")
    return page


def framed(page: Page, target: str, tried: Mapping[str, Any]) -> set[str]:
    """What is in the frames of a page, once it has put addresses into them."""
    page.evaluate("framed", {"target": target, **tried})
    # What is in a frame is told apart from its having loaded.
    wait_until(lambda: page.evaluate("true") and all(frame.url for frame in page.frames))
    return {frame.url for frame in page.frames[1:]}


def obtained(results: Mapping[str, str | None]) -> set[str]:
    return {name for name, found in results.items() if found is not None}


@pytest.mark.parametrize("host", ORIGINS)
def test_nothing_is_read(signed_in: Window, daemon: Daemon, foreign_port: int, host: str) -> None:
    page = foreign_page(signed_in, host, foreign_port)
    for target in (daemon.url, daemon.url.replace("127.0.0.1", "localhost")):
        results = page.evaluate("reading", {"target": target, **addresses(daemon)})
        assert len(results) > 60
        assert obtained(results) == set()


@pytest.mark.parametrize("host", ORIGINS)
def test_nothing_is_changed(
    signed_in: Window, daemon: Daemon, foreign_port: int, host: str
) -> None:
    tried = addresses(daemon)
    before = state(daemon)
    page = foreign_page(signed_in, host, foreign_port)
    page.evaluate("writing", {"target": daemon.url, **tried})
    assert state(daemon) == before
    assert signed_in.fetch("/status")["status"] == 200


@pytest.mark.parametrize("host", ORIGINS)
def test_nothing_is_shown_in_a_frame(
    signed_in: Window, daemon: Daemon, foreign_port: int, host: str
) -> None:
    page = foreign_page(signed_in, host, foreign_port)
    assert framed(page, daemon.url, addresses(daemon)) == {"chrome-error://chromewebdata/"}


@pytest.mark.parametrize("host", ORIGINS)
@pytest.mark.parametrize("path", ["/", "/c/", "/status", "/files/"])
def test_a_window_that_it_opens_is_out_of_its_reach(
    signed_in: Window, daemon: Daemon, foreign_port: int, host: str, path: str
) -> None:
    page = foreign_page(signed_in, host, foreign_port)
    address = daemon.url + next(at for at in addresses(daemon)["pages"] if at.startswith(path))
    with page.expect_popup() as opening:
        page.evaluate("at => { window.opened = open(at, 'prismd'); }", address)
    expect(opening.value).to_have_url(address)
    opening.value.wait_for_load_state()
    page.wait_for_function("window.opened.closed")  # to this page it is
    assert obtained(page.evaluate("seen(window.opened)")) == set()
    assert opening.value.evaluate("window.opener") is None
    # Nor by its name, which another page would lead elsewhere.
    page.evaluate("at => { open(at, 'prismd'); }", daemon.url + "/#/?q=planted")
    assert opening.value.url == address


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_links_and_forms_of_whole_windows_change_nothing(
    signed_in: Window, daemon: Daemon, foreign_port: int, host: str
) -> None:
    tried = addresses(daemon)
    before = state(daemon)
    page = foreign_page(signed_in, host, foreign_port)
    for path in sorted({path for _, path in tried["changes"]}):
        for method in ("GET", "POST"):
            with page.expect_popup() as opening:
                page.evaluate("led", [method, daemon.url + path])
            opening.value.wait_for_load_state()
            opening.value.close()
    assert state(daemon) == before


@pytest.mark.parametrize("host", ORIGINS)
def test_a_link_to_the_page_asks_nothing_in_the_users_name(
    signed_in: Window, daemon: Daemon, foreign_port: int, host: str
) -> None:
    before = state(daemon)
    page = foreign_page(signed_in, host, foreign_port)
    with page.expect_popup() as opening:
        page.evaluate("led", ["GET", f"{daemon.url}/#/?q=planted&mode=search"])
    opened = opening.value
    opened.get_by_role("link", name="Open prismd").click()
    expect(opened.get_by_role("main")).to_be_visible()
    expect(opened).to_have_url(re.compile(f"^{re.escape(daemon.url)}/(#/)?$"))
    assert state(daemon) == before


def test_wrong_codes_sign_nobody_out_and_keep_nobody_out(
    signed_in: Window, daemon: Daemon, foreign_port: int, opens: Opens
) -> None:
    page = foreign_page(signed_in, "127.0.0.1", foreign_port)
    guesses = [f"/login?code=guess-{number}&next=//evil.example" for number in range(50)]
    assert framed(page, daemon.url, {"pages": guesses}) == {"chrome-error://chromewebdata/"}
    assert signed_in.fetch("/status")["status"] == 200
    with opens(daemon) as window:
        window.sign_in()
        assert window.fetch("/status")["status"] == 200


def test_what_is_tried_works_where_there_is_no_guard(
    signed_in: Window, daemon: Daemon, foreign_port: int, unguarded: UnguardedServer
) -> None:
    target = f"http://127.0.0.1:{unguarded.server_address[1]}"
    tried = addresses(daemon)
    page = foreign_page(signed_in, "127.0.0.1", foreign_port)
    results = page.evaluate("reading", {"target": target, **tried})
    missed = results.keys() - obtained(results)
    assert {name.partition(" /")[0] for name in missed} <= NEVER
    page.evaluate("writing", {"target": target, **tried})
    asked = {(method, path) for method, path, _ in unguarded.changes}
    assert asked >= {(method, path) for method, path in tried["changes"]}
    assert {kind for *_, kind in unguarded.changes} >= {
        "text/plain",
        "application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
    }
    assert {target + path for path in tried["pages"]} <= framed(page, target, tried)
    with page.expect_popup() as opening:
        page.evaluate("at => { window.opened = open(at); }", target)
    expect(opening.value).to_have_url(f"{target}/")
    opening.value.wait_for_load_state()
    assert obtained(page.evaluate("seen(window.opened)")) == {"open"}
