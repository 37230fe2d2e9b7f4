"""PDF: words that OCR found, brought to the page as displayed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.extract.ocr.page import OcrBlock, OcrLine, OcrPage, OcrWord
from prismd.extract.ocr.words import turned
from prismd.extract.pdf.page import Word
from prismd.extract.pdf.scan import to_paragraphs


def found_page(turn: int) -> OcrPage:
    """Two lines of words at known places, as OCR finds them on a page that lies on its side."""
    size = (1000.0, 600.0)
    lines = []
    for row in range(2):
        words = [
            OcrWord(
                f"w{row}{n}",
                turned((50 + 90 * n, 60 + 40 * row, 120 + 90 * n, 90 + 40 * row), turn, *size),
                95,
            )
            for n in range(5)
        ]
        lines.append(OcrLine(tuple(words), words[0].box))
    width, height = (1000, 600) if turn % 180 == 0 else (600, 1000)
    return OcrPage((OcrBlock(tuple(lines)),), width, height, rotation=-turn % 360)


@given(st.sampled_from([0, 90, 180, 270]), st.floats(0.05, 5))
def test_words_keep_their_places_whichever_way_up(turn: int, scale: float) -> None:
    page = found_page(turn)
    width, height = page.width_px * scale, page.height_px * scale
    (paragraph,) = to_paragraphs(page, (width, height))
    assert paragraph.text == "w00 w01 w02 w03 w04\nw10 w11 w12 w13 w14"
    across, down = width / page.width_px, height / page.height_px
    for line, row in zip(page.blocks[0].lines, paragraph.rows, strict=True):
        for word, made in zip(line.words, row.cells[0], strict=True):
            x0, y0, x1, y1 = word.box
            assert made.box == pytest.approx((x0 * across, y0 * down, x1 * across, y1 * down))


def test_known_words_are_left_out() -> None:
    page = found_page(0)
    known = [Word(word.text, word.box) for word in page.blocks[0].lines[0].words]
    (paragraph,) = to_paragraphs(page, (1000, 600), known)
    assert paragraph.text == "w10 w11 w12 w13 w14"
    assert to_paragraphs(OcrPage((), 100, 100), (1000, 600), known) == []
