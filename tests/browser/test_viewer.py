"""What is cited, shown beside the answer at its very place."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.axe import Axe
from tests.browser.conftest import Opens
from tests.browser.harness import PHONE, WIDE, Window
from tests.browser.samples import (
    DEPOSIT,
    DEPOSIT_PAGE,
    FERRY,
    GATE,
    GATE_START_S,
    TURNED,
    VALVE,
    VALVE_LINE,
    Rect,
    boathouse,
    lighthouse,
    place_in_pdf,
    place_in_ticket,
)
from tests.browser.seeing import box_of, farthest, grown, scaled
from tests.building import wait_until
from tests.cli.harness import Daemon

pytestmark = pytest.mark.browser

NEAR_PX = 3.0
LARGE = (1600, 1000)
MEASURE = """async (viewer) => {
    const image = viewer.querySelector(".page-image");
    await image.decode();
    const parts = [image, viewer.querySelector("[data-place-box]")];
    return parts.map((part) => part.getBoundingClientRect().toJSON());
}"""


def shown(window: Window, sentence: str) -> Locator:
    """Ask for a sentence and open its first source; returns the viewer."""
    page = window.page
    box = page.get_by_role("textbox", name="Ask or search your files")
    box.fill(sentence.rstrip("."))
    box.press("Enter")
    source = page.get_by_role("list", name="Sources").get_by_role("button")
    source.filter(has_text=sentence).first.click()
    viewer = page.locator("#viewer")
    expect(viewer.get_by_role("heading")).not_to_have_text("Opening…")
    return viewer


def marked(viewer: Locator) -> tuple[Rect, float]:
    """The marked box in pixels of the screen from the page's corner, and the page's width."""
    picture = viewer.get_by_role("img")
    expect(picture).to_have_js_property("complete", True)
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") > 0)
    # What has come is scrolled to its place; both are measured at one moment.
    sheet, box = viewer.evaluate(MEASURE)
    left, top = box["x"] - sheet["x"], box["y"] - sheet["y"]
    return (left, top, left + box["width"], top + box["height"]), sheet["width"]


def enlarge(viewer: Locator, times: int) -> None:
    for _ in range(times):
        viewer.get_by_role("button", name="Larger").click()


@pytest.mark.parametrize("zoom", [0, 2])
@pytest.mark.parametrize("size", [WIDE, LARGE, PHONE], ids=str)
@pytest.mark.parametrize("sentence", [DEPOSIT, TURNED], ids=["upright", "turned and cut"])
def test_a_page_has_its_box_where_the_words_are(
    opens: Opens, daemon: Daemon, sentence: str, size: tuple[int, int], zoom: int
) -> None:
    pdf, page = (boathouse(), DEPOSIT_PAGE) if sentence == DEPOSIT else (lighthouse(), 1)
    words, (width_pt, _) = place_in_pdf(pdf, page, sentence)
    with opens(daemon, size=size) as window:
        window.sign_in()
        viewer = shown(window, sentence)
        enlarge(viewer, zoom)
        box, width_px = marked(viewer)
        assert farthest(box, scaled(words, width_px / width_pt)) <= NEAR_PX
        expect(viewer.locator("[data-place-box]")).to_be_in_viewport()
        window.keep_screenshot(f"viewer-pdf-{page}-{size[0]}-{zoom}")


@pytest.mark.parametrize("zoom", [0, 1])
def test_the_ink_of_the_words_is_seen_within_the_box(window: Window, zoom: int) -> None:
    viewer = shown(window, DEPOSIT)
    enlarge(viewer, zoom)
    marked(viewer)
    found = viewer.locator("[data-place-box]").bounding_box()
    assert found is not None
    box = (found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"])
    around = tuple(round(side) for side in grown(box, 10))
    seen = window.picture().crop(around)  # type: ignore[arg-type]
    ink = scaled(box_of(seen, lambda red, green, blue: red + green + blue < 200), 1, *around[:2])
    # Letters begin and end a little within their box, and fill not all of its height.
    assert -1 <= ink[0] - box[0] <= NEAR_PX + 1
    assert -1 <= box[2] - ink[2] <= NEAR_PX + 1
    assert box[1] <= ink[1] < ink[3] <= box[3]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=str)
def test_a_picture_has_its_box_where_the_words_are(
    opens: Opens, daemon: Daemon, size: tuple[int, int]
) -> None:
    words, (width, _) = place_in_ticket()
    with opens(daemon, size=size) as window:
        window.sign_in()
        box, width_px = marked(shown(window, FERRY))
        assert farthest(box, scaled(words, width_px / width)) <= NEAR_PX
        window.keep_screenshot(f"viewer-picture-{size[0]}")


def test_the_box_is_seen_in_the_colours_of_the_system(opens: Opens, daemon: Daemon) -> None:
    with opens(daemon, forced_colors="active") as window:
        window.sign_in()
        viewer = shown(window, DEPOSIT)
        marked(viewer)
        assert window.style("[data-place-box]", "outline-style") == "solid"
        chosen, other = ":checked + span", ":not(:checked) + span"
        # Weight alone tells too little.
        of_chosen = window.style(f".segments {chosen}", "color")
        assert of_chosen != window.style(f".segments {other}", "color")


def test_pages_are_turned_and_the_box_stays_on_its_own(window: Window) -> None:
    viewer = shown(window, DEPOSIT)
    marked(viewer)
    viewer.get_by_role("button", name="Next page").click()
    expect(viewer.get_by_role("img", name="Page 4 of 4")).to_be_visible()
    expect(viewer.locator("[data-place-box]")).to_have_count(0)
    expect(viewer.get_by_role("button", name="Next page")).to_be_disabled()
    viewer.get_by_role("button", name="Page before").click()
    expect(viewer.locator("[data-place-box]")).to_have_count(1)


def test_a_recording_is_at_its_second_with_the_words_marked(window: Window) -> None:
    viewer = shown(window, GATE)
    player = viewer.locator("audio")
    wait_until(lambda: player.evaluate("player => player.currentTime") > 0)
    assert abs(player.evaluate("player => player.currentTime") - GATE_START_S) <= 0.3
    expect(viewer.locator("mark")).to_have_text(GATE)
    window.keep_screenshot("viewer-recording")
    sentences = viewer.get_by_role("list", name="What is said").get_by_role("button")
    expect(sentences.filter(has_text=GATE)).to_have_attribute("aria-current", "true")
    player.evaluate("player => { player.playbackRate = 0.1 }")  # it goes on from there
    sentences.first.click()
    wait_until(lambda: player.evaluate("player => player.currentTime") < GATE_START_S - 1)


def test_lines_are_shown_with_the_quoted_one_marked_and_numbered(window: Window) -> None:
    viewer = shown(window, VALVE)
    line = viewer.get_by_role("listitem").filter(has=window.page.locator("mark"))
    expect(line).to_have_count(1)
    expect(line).to_have_attribute("value", str(VALVE_LINE))
    expect(line.locator("mark")).to_have_text(VALVE)
    expect(line).to_be_in_viewport()
    window.keep_screenshot("viewer-lines")
    before = viewer.get_by_role("listitem").count()
    viewer.get_by_role("button", name="Lines after").click()
    expect(viewer.get_by_role("listitem").filter(has_text="Article 190 ")).to_be_visible()
    assert viewer.get_by_role("listitem").count() > before


def test_it_leads_to_a_page_of_its_own_and_to_the_file(window: Window, daemon: Daemon) -> None:
    viewer = shown(window, VALVE)
    with window.context.expect_page() as opening:
        viewer.get_by_role("link", name=re.compile("own")).click()
    expect(opening.value.locator("td mark")).to_have_text(VALVE)
    link = viewer.get_by_role("link", name="The whole file").get_attribute("href")
    assert daemon.client.get(link or "").text.startswith("Article 1 ")
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.get_by_role("button", name="Copy quote and path").click()
    expect(window.page.locator("#toasts")).to_contain_text("Quote and path copied")
    copied = window.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"“{VALVE}”") and "handbook.txt" in copied


def test_a_changed_file_is_said_to_be_changed(window: Window, daemon: Daemon) -> None:
    heard = "The abbey bell was cast in 1471 by Hendrik."
    path = daemon.place.write("abbey.txt", heard)
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: daemon.finds("abbey bell")[:1] == ["abbey.txt"])
    viewer = shown(window, heard)
    expect(viewer.get_by_role("note")).to_have_count(0)
    window.page.keyboard.press("Escape")
    path.write_text("Nothing of bells.")
    window.page.get_by_role("list", name="Sources").get_by_role("button").first.click()
    expect(viewer.get_by_role("note")).to_contain_text("changed since it was cited")
    window.keep_screenshot("viewer-changed")


def test_on_a_phone_it_covers_the_page_and_gives_the_focus_back(
    opens: Opens, daemon: Daemon
) -> None:
    with opens(daemon, size=PHONE) as window:
        window.sign_in()
        viewer = shown(window, VALVE)
        expect(window.page.get_by_role("dialog")).to_have_count(1)
        expect(viewer.get_by_role("button", name="Close (Esc)")).to_be_focused()
        assert window.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        window.keep_screenshot("viewer-lines-phone")
        window.page.keyboard.press("Escape")
        expect(viewer).to_be_hidden()
        source = window.page.get_by_role("list", name="Sources").get_by_role("button").first
        expect(source).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_keeps_people_from_using_it(
    opens: Opens, daemon: Daemon, axe: Axe, size: tuple[int, int], scheme: str
) -> None:
    with opens(daemon, size=size, color_scheme=scheme, bypass_csp=True) as window:
        window.sign_in()
        for name, sentence in {"pdf": DEPOSIT, "recording": GATE, "lines": VALVE}.items():
            shown(window, sentence)
            window.keep_screenshot(f"viewer-{name}-{size[0]}-{scheme}")
            assert axe.findings(window) == [], name
            window.page.keyboard.press("Escape")
