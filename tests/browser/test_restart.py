"""A page that stays open while the daemon ends and is started again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Window
from tests.browser.samples import FAKES
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser


def test_the_page_comes_back_by_itself_when_the_daemon_does(window: Window, daemon: Daemon) -> None:
    window.expect_fault("WebSocket|ERR_CONNECTION_REFUSED")
    window.open("/#/activity")
    state = window.page.get_by_role("region", name="State")
    expect(state.get_by_role("heading")).to_have_text("Up to date")
    banner = window.page.get_by_role("alert").filter(has_text="connection to prismd was lost")
    daemon.stop()
    expect(banner).to_be_visible()
    window.keep_screenshot("daemon-gone")
    with daemon.place.daemon(env=FAKES) as again:
        expect(banner).to_be_hidden()
        expect(state.get_by_role("heading")).to_have_text("Up to date")
        state.get_by_role("button", name="Pause until I resume").click()
        expect(state.get_by_role("heading")).to_contain_text("Paused")
        assert again.status()["paused"] is not None
        again.client.post("/resume").raise_for_status()
