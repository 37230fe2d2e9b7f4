"""Chromium as people have it, and one person's window in it that tells what goes wrong."""

from __future__ import annotations

import base64
import io
import mimetypes
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    WebSocketRoute,
    expect,
    sync_playwright,
)

from tests.cli.harness import Daemon

PATIENCE_MS = 30_000
"""How long is waited for what must come about; machines that run tests may be slow."""
WIDE = (1280, 860)
PHONE = (360, 740)

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_MAC_APPS = ("Chromium", "Google Chrome")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-proxy-server",  # everything is on this computer
    # A name of somebody else's that leads here, as DNS rebinding makes it.
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)

# Read at import: a test sees no variable of prismd's.
_NAMED = os.environ.get("PRISMD_TEST_BROWSER", "")
_SCREENSHOTS = os.environ.get("PRISMD_SCREENSHOTS", "")

expect.set_options(timeout=PATIENCE_MS)


class BrowserError(Exception):
    """There is no browser; the message says what to do."""


def find_browser() -> str:
    """The program: what ``PRISMD_TEST_BROWSER`` names, or what is found.

    Raises:
        BrowserError: There is none.
    """
    apps = [Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in _MAC_APPS]
    candidates = [_NAMED] if _NAMED else [*_NAMES, *map(str, apps)]
    for name in candidates:
        if found := shutil.which(name):
            return found
    raise BrowserError(
        f"no browser: {', '.join(candidates)}: not found; scripts/test installs Chromium, or name"
        " yours in PRISMD_TEST_BROWSER"
    )


@contextmanager
def running_browser(program: str, home: Path) -> Iterator[Browser]:
    """A browser without a window, and without anything of the user's.

    Args:
        program: Chromium or Chrome.
        home: An empty folder.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**_options(program, home))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def running_profile(browser: Browser, program: str, folder: Path) -> Iterator[BrowserContext]:
    """A browser with a memory, which lies on the disk.

    Args:
        browser: Of the same kind, without one.
        program: Chromium or Chrome.
        folder: Where everything lies that it writes; whole when the context has ended.
    """
    launch = browser.browser_type.launch_persistent_context
    context = launch(folder, **_options(program, folder))
    try:
        yield context
    finally:
        context.close()


def _options(program: str, home: Path) -> dict[str, Any]:
    return {
        "executable_path": program,
        "args": list(_FLAGS),
        "env": {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")},
        "timeout": 2 * PATIENCE_MS,
    }


class Window:
    """One person's window, and what went wrong in it.

    What a page must never do is noted: an error in its console (violations of the policy it came
    with among them), an exception that nobody caught, a request to anybody but its daemon.

    Args:
        context: A browser without memory.
        daemon: Whose pages are looked at.
    """

    def __init__(self, context: BrowserContext, daemon: Daemon) -> None:
        context.set_default_timeout(PATIENCE_MS)
        self.context = context
        self.daemon = daemon
        self.page: Page = context.new_page()
        self._expected: list[re.Pattern[str]] = []
        self._faults: list[str] = []
        context.on(
            "console",
            lambda said: self._note(said.type == "error", f"console: {said.text} {said.location}"),
        )
        context.on("weberror", lambda thrown: self._note(True, f"exception: {thrown.error}"))
        context.on("request", lambda sent: self._note(self._is_foreign(sent.url), f"to {sent.url}"))

    def expect_fault(self, pattern: str) -> None:
        """Let something go wrong that the test brings about itself."""
        self._expected.append(re.compile(pattern))

    @property
    def faults(self) -> list[str]:
        """What went wrong and was not expected."""
        return [
            fault
            for fault in self._faults
            if not any(pattern.search(fault) for pattern in self._expected)
        ]

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self._faults.append(what)

    def _is_foreign(self, url: str) -> bool:
        parts = urlsplit(url)
        own = (f"http://{parts.netloc}", f"ws://{parts.netloc}")
        return parts.scheme not in ("data", "blob", "about") and self.daemon.url not in own

    def sign_in(self, next_path: str = "/") -> None:
        """Open a link that works once, as ``prismd token --open`` does."""
        asked = self.daemon.client.post("/login-link", params={"next": next_path})
        self.page.goto(asked.raise_for_status().json()["url"])

    def open(self, path: str) -> None:
        """Go to an address of the daemon."""
        self.page.goto(self.daemon.url + path)

    def fetch(self, path: str, **options: Any) -> Any:
        """What a script of the open page gets: ``{"status": …, "text": …}``."""
        return self.page.evaluate(
            """async ([path, options]) => {
                const answer = await fetch(path, options);
                return {status: answer.status, text: await answer.text()};
            }""",
            [path, options],
        )

    def drop(self, selector: str, files: dict[str, bytes]) -> None:
        """Drop files onto an element, as a file manager does."""
        packed = [
            [name, mimetypes.guess_type(name)[0] or "", base64.b64encode(content).decode()]
            for name, content in files.items()
        ]
        transfer = self.page.evaluate_handle(
            """(files) => {
                const transfer = new DataTransfer();
                for (const [name, type, coded] of files) {
                    const bytes = Uint8Array.from(atob(coded), (sign) => sign.charCodeAt(0));
                    transfer.items.add(new File([bytes], name, {type}));
                }
                return transfer;
            }""",
            packed,
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(selector, event, {"dataTransfer": transfer})

    def cuts(self) -> Callable[[], None]:
        """Load the page anew so that its connection can be cut, from which it comes back by itself.

        Returns:
            Cuts it.
        """
        connections: list[WebSocketRoute] = []

        def between(page: WebSocketRoute) -> None:
            page.connect_to_server()
            connections.append(page)

        self.page.route_web_socket(re.compile("/ws$"), between)
        self.page.reload()
        return lambda: connections[-1].close()

    def style(self, selector: str, name: str) -> str:
        """What a property of an element's style has come to."""
        read = "(element, name) => getComputedStyle(element).getPropertyValue(name)"
        return str(self.page.locator(selector).first.evaluate(read, name))

    def picture(self, selector: str = "") -> Image.Image:
        """The window, or an element, as it is seen."""
        shown = self.page.locator(selector).first.screenshot() if selector else None
        return Image.open(io.BytesIO(shown or self.page.screenshot())).convert("RGB")

    def keep_screenshot(self, name: str) -> None:
        """Keep a picture for people to look at, where they asked for it."""
        if _SCREENSHOTS:
            folder = Path(_SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png")
