"""A browser, a daemon with files of every kind, and a window that is signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser

from check_page import NAME, PACKAGES
from tests.browser.axe import Axe
from tests.browser.harness import WIDE, BrowserError, Window, find_browser, running_browser
from tests.browser.samples import FAKES, write_samples
from tests.cli.harness import Daemon, Place
from tests.clients.conftest import installed
from tests.clients.installing import node_with_packages
from tests.needing import leave_out

Opens = Callable[..., AbstractContextManager[Window]]


def needed(find: Callable[[], str]) -> str:
    """The browser; else the test is skipped, and fails where CI runs it."""
    try:
        return find()
    except BrowserError as error:
        leave_out(str(error))


# Not of the session: as long as Playwright runs, no other test could run an event loop.
@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, or what there is like it."""
    program = needed(find_browser)
    with running_browser(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon over the library."""
    place = Place(tmp_path_factory.mktemp("library"))
    write_samples(place.folder)
    with place.daemon(env=FAKES) as daemon:
        daemon.await_idle()
        yield daemon


@pytest.fixture
def opens(browser: Browser) -> Opens:
    """Opens windows in which nothing may go wrong; options are those of ``new_context``."""

    @contextmanager
    def opened(daemon: Daemon, **options: Any) -> Iterator[Window]:
        width, height = options.pop("size", WIDE)
        options.setdefault("viewport", {"width": width, "height": height})
        context = browser.new_context(**options)
        try:
            window = Window(context, daemon)
            yield window
            assert window.faults == []
        finally:
            context.close()

    return opened


@pytest.fixture
def window(opens: Opens, daemon: Daemon) -> Iterator[Window]:
    """A window that is signed in."""
    with opens(daemon) as window:
        window.sign_in()
        yield window


@pytest.fixture(scope="package")
def axe() -> Axe:
    """The accessibility checker."""
    return Axe.of(installed(lambda: node_with_packages(PACKAGES, name=NAME)))
