"""The page of whoever has just installed prismd: from no folder to the first answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.axe import Axe
from tests.browser.conftest import Opens
from tests.browser.harness import PHONE
from tests.browser.samples import FAKES
from tests.building import write_file
from tests.cli.harness import Daemon, Place

pytestmark = pytest.mark.browser

PUFFIN = "The puffin count of the northern cliff is four hundred and twelve."


@pytest.fixture
def new_daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon without folders and without a model for meaning, in a home with files."""
    place = Place(tmp_path)
    home = tmp_path / "home"
    write_file(home / "Documents" / "puffins.txt", PUFFIN)
    write_file(home / "Music" / "terns.txt", "The terns left early.")
    (tmp_path / "models").mkdir()
    missing = {
        "PRISMD_MODELS_DIR": str(tmp_path / "models"),
        "PRISMD_MODELS_EMBEDDING": "bge-small-en-v1.5",
    }
    with place.daemon([], env={**FAKES, **missing}) as daemon:
        yield daemon


def test_a_newcomer_is_led_from_no_folder_to_an_answer(opens: Opens, new_daemon: Daemon) -> None:
    home = new_daemon.place.root / "home"
    with opens(new_daemon, size=PHONE) as window:
        window.sign_in()
        page = window.page
        steps = page.get_by_role("region", name="First steps")
        expect(steps.get_by_role("heading")).to_have_text("Which folders may prismd read?")
        expect(steps).to_contain_text("Nothing of it is sent anywhere.")
        expect(steps).to_contain_text("prismd models pull")
        missing = steps.get_by_role("list", name="Missing models").get_by_role("listitem")
        expect(missing).to_have_text(["files are found by their words only, not by what is meant"])
        suggested = steps.get_by_role("list", name="Suggested folders").get_by_role("listitem")
        expect(suggested).to_have_count(2)
        expect(suggested.first).to_contain_text(f"{home / 'Documents'} · 1 file")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        window.keep_screenshot("first-steps-phone")
        expect(page.get_by_text("No folder is watched yet")).to_be_hidden()  # said once
        box = page.get_by_role("textbox", name="Ask or search your files")
        box.fill("puffin count")
        page.keyboard.press("Enter")
        expect(page.get_by_role("article")).to_contain_text("No folder is watched yet. Add one")
        page.get_by_role("button", name="New question").click()
        watch = steps.get_by_role("button", name=f"Watch {home / 'Documents'}")
        watch.focus()
        page.keyboard.press("Enter")
        expect(suggested).to_have_count(1)
        expect(steps.get_by_role("button", name=f"Watch {home / 'Music'}")).to_be_focused()
        expect(steps.get_by_role("heading")).to_have_text("Your files can be asked")
        # As well where folders are looked after, as long as the page is open.
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Folders").click()
        expect(steps.get_by_role("heading")).to_have_text("Your files can be asked")
        steps.get_by_role("button", name=f"Watch {home / 'Music'}").click()
        rows = page.get_by_role("list", name="Watched folders").get_by_role("listitem")
        expect(rows).to_have_count(2)
        window.keep_screenshot("first-steps-folders-phone")
        steps.get_by_role("link", name="Ask your files").click()
        box.fill("puffin count")
        page.keyboard.press("Enter")
        expect(page.get_by_role("article")).to_contain_text(PUFFIN)
        window.open("/")
        page.reload()
        expect(page.get_by_text("2 files can be asked.")).to_be_visible()
        expect(steps).to_be_hidden()


def test_a_folder_that_has_gone_meanwhile_is_told_in_its_place(
    opens: Opens, new_daemon: Daemon, axe: Axe
) -> None:
    music = new_daemon.place.root / "home" / "Music"
    with opens(new_daemon, bypass_csp=True) as window:
        window.expect_fault("status of 400|status of 500")
        error = {"error": {"message": "the disk is busy"}}
        window.page.route(
            "**/roots/suggestions", lambda route: route.fulfill(status=500, json=error), times=1
        )
        window.sign_in()
        steps = window.page.get_by_role("region", name="First steps")
        expect(steps.get_by_role("alert")).to_contain_text("the disk is busy")
        expect(steps).not_to_contain_text("None of the usual folders")
        steps.get_by_role("button", name="Try again").click()
        expect(steps.get_by_role("alert")).to_have_count(0)
        watch = steps.get_by_role("button", name=f"Watch {music}")
        expect(watch).to_be_visible()
        (music / "terns.txt").unlink()
        music.rmdir()
        watch.click()
        expect(steps.get_by_role("alert")).to_contain_text("there is no such folder")
        window.keep_screenshot("first-steps-refused")
        assert axe.findings(window) == []
