"""The page of an index without models, over folders and files that are called alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.harness import PHONE
from tests.building import picture, write_file
from tests.cli.harness import Daemon, Place

pytestmark = pytest.mark.browser

HOME = "The lease of the flat ends on the last day of September."
WORK = "The lease of the office ends on the first day of December."


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon whose models were never fetched, over two folders of one name."""
    place = Place(tmp_path_factory.mktemp("bare"))
    for name, sentence in (("home", HOME), ("work", WORK)):
        place.write(f"{name}/docs/lease.md", f"# Lease\n\n{sentence}\n")
    write_file(place.folder / "home" / "docs" / "red.png", picture("red"))
    none = {
        "PRISMD_MODELS_DIR": str(place.root / "none"),
        "PRISMD_MODELS_EMBEDDING": "bge-small-en-v1.5",
        "PRISMD_MODELS_IMAGE": "clip",
    }
    folders = [place.folder / "home" / "docs", place.folder / "work" / "docs"]
    with place.daemon(folders, env=none) as daemon:
        daemon.await_idle()
        yield daemon


def test_a_missing_model_of_meaning_is_told_before_anything_is_asked(
    opens: Opens, bare: Daemon
) -> None:
    with opens(bare, size=PHONE) as window:
        window.sign_in()
        main = window.page.get_by_role("main")
        expect(main).to_contain_text("The model of meaning is not installed")
        expect(main.get_by_text("prismd models pull bge-small-en-v1.5")).to_be_visible()
        stands = window.page.get_by_role("group", name="Indexing").get_by_text("Only words are")
        box = stands.bounding_box()
        assert box is not None
        assert box["width"] > 40  # in words, not by a colour alone, on a phone too
        window.keep_screenshot("without-models")


def test_the_button_for_pictures_says_what_a_search_by_them_needs(
    opens: Opens, bare: Daemon
) -> None:
    with opens(bare) as window:
        window.sign_in()
        search = window.page.get_by_role("search")
        said = search.get_by_role("status")
        button = search.get_by_role("button", name="Search by picture")
        expect(button).to_have_attribute("title", re.compile("prismd models pull clip"))
        button.click()
        expect(said).to_contain_text("needs a model of pictures")
        search.get_by_role("textbox").fill("lease")
        search.get_by_role("textbox").press("Enter")
        expect(said).to_be_hidden()
        window.drop("#question", {"broken.png": picture("red")[:40]})
        expect(said).to_contain_text("prismd models pull clip")
        expect(window.page.get_by_role("button", name="Remove picture")).to_have_count(0)
        window.open("/#/files")
        expect(window.page.get_by_role("button", name="Open red.png")).to_be_visible()
        expect(window.page.get_by_role("link", name="Similar pictures to")).to_have_count(0)


def test_files_and_folders_of_one_name_are_told_apart(opens: Opens, bare: Daemon) -> None:
    with opens(bare) as window:
        window.sign_in()
        page = window.page
        box = page.get_by_role("textbox", name="Ask or search your files")
        box.fill(HOME.rstrip("."))
        box.press("Enter")
        turn = page.get_by_role("article")
        note = turn.locator(".note")
        expect(note).to_contain_text("Searched by words alone")
        pull = "prismd models pull bge-small-en-v1.5"
        expect(note.locator("code")).to_have_text(pull)
        expect(turn).to_contain_text("of those that were found by words alone")
        expect(turn.get_by_role("list", name="Sources")).to_contain_text("home/docs/lease.md")
        for source in turn.get_by_role("button", name="Source 1: Lease").all():
            expect(source).to_have_accessible_name(re.compile(r"lease\.md ?, line 3"))
        page.get_by_role("radio", name="Search").check(force=True)
        box.fill("lease")
        box.press("Enter")
        found = page.get_by_role("list", name="Results")
        for folder in ("home", "work"):
            title = found.get_by_role("button", name=f"Lease, {folder}/docs/lease.md, line")
            expect(title).to_have_count(1)
        page.get_by_role("button", name="Filters").click()
        page.get_by_role("checkbox", name="work/docs").check()
        expect(page.get_by_role("button", name="Remove filter in work/docs")).to_be_visible()
        expect(found.get_by_role("listitem")).to_have_count(1)
        expect(found).to_contain_text("office")
        expect(page.get_by_role("main").locator("p.note code")).to_have_text(pull)
        window.expect_fault("status of 400")
        box.fill("lease " * 20_000)
        box.press("Enter")
        told = page.get_by_role("main").get_by_role("alert")
        expect(told).to_contain_text("What you search for may have 20,000 characters")
