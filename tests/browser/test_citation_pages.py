"""The page behind a citation's link, as a browser shows it: the place itself is marked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.asking import cited
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


MARGIN_PT = 1.5
"""What the drawing leaves free around words, so that its edge touches none of them."""
MARGIN_PX = 2.0
"""The same in a picture's own pixels."""
NEAR_PX = 3.0


def marked_in(window: Window) -> tuple[Rect, float]:
    """The marked box within the shown page or picture, and how wide that is, in CSS pixels."""
    shown = window.page.locator("img")
    expect(shown).to_have_js_property("complete", True)
    edge, width, ratio = shown.evaluate("e => [e.clientLeft, e.clientWidth, devicePixelRatio]")
    picture = window.picture("img")
    box = box_of(picture, lambda red, green, blue: (red > 180) & (red - blue > 90))
    return scaled(box, 1 / ratio, -edge, -edge), width


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=str)
@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("sentence", [DEPOSIT, TURNED])
def test_a_page_has_its_box_where_the_words_are(
    opens: Opens, daemon: Daemon, sentence: str, size: tuple[int, int], ratio: int
) -> None:
    pdf, page = (boathouse(), DEPOSIT_PAGE) if sentence == DEPOSIT else (lighthouse(), 1)
    words, (width_pt, _) = place_in_pdf(pdf, page, sentence)
    record = cited(daemon, sentence)
    with opens(daemon, size=size, device_scale_factor=ratio) as window:
        window.sign_in(f"/c/{record['citation_id']}")
        box, width_px = marked_in(window)
        assert farthest(box, scaled(grown(words, MARGIN_PT), width_px / width_pt)) <= NEAR_PX
        window.keep_screenshot(f"citation-pdf-{page}-{size[0]}-{ratio}")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=str)
def test_a_picture_has_its_box_where_the_words_are(
    opens: Opens, daemon: Daemon, size: tuple[int, int]
) -> None:
    words, (width, _) = place_in_ticket()
    record = cited(daemon, FERRY)
    with opens(daemon, size=size) as window:
        window.sign_in(f"/c/{record['citation_id']}")
        box, width_px = marked_in(window)
        assert farthest(box, scaled(grown(words, MARGIN_PX), width_px / width)) <= NEAR_PX
        window.keep_screenshot(f"citation-picture-{size[0]}")


def test_a_recording_is_ready_to_play_from_the_second(window: Window, daemon: Daemon) -> None:
    window.open(f"/c/{cited(daemon, GATE)['citation_id']}")
    player = window.page.locator("audio")
    expect(player).to_have_js_property("seeking", False)
    wait_until(lambda: player.evaluate("e => e.currentTime") > 0)
    assert abs(player.evaluate("e => e.currentTime") - GATE_START_S) <= 0.3
    expect(window.page.locator("td mark")).to_have_text(GATE)
    window.keep_screenshot("citation-recording")


def test_lines_are_shown_with_the_quoted_one_marked(window: Window, daemon: Daemon) -> None:
    window.open(f"/c/{cited(daemon, VALVE)['citation_id']}")
    row = window.page.get_by_role("row").filter(has=window.page.locator("mark"))
    expect(row).to_have_count(1)
    expect(row.get_by_role("cell").first).to_have_text(str(VALVE_LINE))
    expect(row.locator("mark")).to_have_text(VALVE)
    window.keep_screenshot("citation-lines")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=str)
@pytest.mark.parametrize("sentence", [DEPOSIT, FERRY, GATE, VALVE])
def test_it_can_be_read_by_everybody(
    opens: Opens, daemon: Daemon, axe: Axe, sentence: str, size: tuple[int, int], scheme: str
) -> None:
    address = f"/c/{cited(daemon, sentence)['citation_id']}"
    with opens(daemon, size=size, color_scheme=scheme, bypass_csp=True) as window:
        window.sign_in(address)
        assert axe.findings(window) == []
        assert window.page.evaluate("document.documentElement.scrollWidth") <= size[0]
