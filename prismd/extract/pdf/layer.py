"""The text layer of a PDF page: its lines, and whether they say what the page shows.

Runs in a worker process only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import msgspec
import pymupdf as _pymupdf

from prismd.extract.pdf.page import Line, Word, around

pymupdf: Any = _pymupdf  # It is typed in part only.

NO_LAYER = "no text layer"
UNREADABLE = "its text layer is unreadable: the fonts do not say which letters they show"
WORDLESS = "its text layer has no word in it"
COVERED = "a picture covers the page"

GARBAGE = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x7f-\x9f]")
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\ufffd")
_GARBAGE_SHARE = 0.4
_SWAPPED_SHARE = 0.9
_WORD = re.compile(r"[^\W\d_]{2}|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
"""Two letters, or one of a script in which one is enough."""

_FLAGS: int = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
"""Ligatures are taken apart (fi, not U+FB01), hyphens stay, unknown glyphs are U+FFFD."""
_BOLD_FONT = re.compile(r"bold|black|heavy|semibd|demi", re.IGNORECASE)
_BOLD_FLAG = 1 << 4
_SLANT = 0.1
"""Text within this sine of horizontal counts as upright."""

_SCANT_CHARS = 200
"""A header, a stamp and a page number have no more characters than so many."""
_COVERED_SHARE = 0.5
_SPARSE_SHARE = 0.05
"""Words that take less of the pictures on a covered page are no page of text in front of them:
the notice that a library prints below each scan takes two hundredths, and a slide's few words
ten."""
_INVISIBLE = 3
"""The way of drawing text that OCR programs choose for what they found in the picture."""


class Layer(msgspec.Struct, frozen=True):
    """The text layer of a page.

    ``doubt`` says why it is not all that the page shows; empty where there is no such reason.
    """

    lines: tuple[Line, ...]
    doubt: str = ""


def read_layer(page: Any) -> Layer:
    """The text layer of a page, boxes on the page as it is displayed."""
    lines = tuple(_lines(page))
    text = "".join(word.text for line in lines for word in line.words)
    if not text:
        return Layer((), NO_LAYER)
    if len(GARBAGE.findall(text)) > _GARBAGE_SHARE * len(text) or _is_swapped(text):
        return Layer(lines, UNREADABLE)
    if len(text) > _SCANT_CHARS:
        covered = _is_before_pictures(page, lines) and not _is_of_ocr(page)
        return Layer(lines, COVERED if covered else "")
    wordless = not any(_WORD.search(word.text) for line in lines for word in line.words)
    if wordless and sum(map(str.isalnum, text)) < len(text) / 2:
        return Layer(lines, UNREADABLE)
    if _is_of_ocr(page):
        return Layer(lines)
    if wordless:
        return Layer(lines, WORDLESS)
    return Layer(lines, COVERED if picture_share(page) >= _COVERED_SHARE else "")


def picture_share(page: Any) -> float:
    """How much of the page is covered by pictures, from 0 to 1."""
    shown = page.rect * page.derotation_matrix
    covered = sum(
        abs((pymupdf.Rect(info["bbox"]) & shown).get_area()) for info in page.get_image_info()
    )
    return float(min(1.0, covered / max(1.0, abs(shown.get_area()))))


def _is_before_pictures(page: Any, lines: Sequence[Line]) -> bool:
    """Whether pictures cover the page, and its words next to nothing of them."""
    share = _text_share(page, lines)
    # Most pages are done with here: to look for pictures takes as long as to read the words.
    if share >= _SPARSE_SHARE:
        return False
    pictures = picture_share(page)
    return pictures >= _COVERED_SHARE and share < _SPARSE_SHARE * pictures


def _text_share(page: Any, lines: Sequence[Line]) -> float:
    """How much of the page its letters take, from 0 to 1, each as much as the middle one.

    So the box of a watermark, which may be as large as the page, counts for its few letters.
    """
    words = [word for line in lines for word in line.words]
    taken: float = median(
        (word.box[2] - word.box[0]) * (word.box[3] - word.box[1]) / len(word.text) for word in words
    )
    letters = sum(len(word.text) for word in words)
    return taken * letters / max(1.0, abs(float(page.rect.get_area())))


def _is_swapped(text: str) -> bool:
    """Whether the two bytes of each letter have changed places, as some fonts' tables have them."""
    swapped = sum(ord(letter) > 0xFF and not ord(letter) & 0xFF for letter in text)
    return swapped > _SWAPPED_SHARE * len(text)


def _is_of_ocr(page: Any) -> bool:
    """Whether most of the text is invisible: what another OCR program read in the picture."""
    ways = [(span["type"] == _INVISIBLE, len(span["chars"])) for span in page.get_texttrace()]
    return sum(n for unseen, n in ways if unseen) > sum(n for unseen, n in ways if not unseen)


def _lines(page: Any) -> Iterator[Line]:
    """The lines of a page, in the order of the file, where they stand on the displayed page."""
    textpage = page.get_textpage(flags=_FLAGS)
    a, b, c, d, e, f = page.rotation_matrix
    width, height = page.rect.width, page.rect.height
    words: dict[tuple[int, int], list[Word]] = {}
    for x0, y0, x1, y1, text, block, line, _ in page.get_text("words", textpage=textpage):
        across = sorted((a * x0 + c * y0 + e, a * x1 + c * y1 + e))
        down = sorted((b * x0 + d * y0 + f, b * x1 + d * y1 + f))
        box = (max(0.0, across[0]), max(0.0, down[0]), min(width, across[1]), min(height, down[1]))
        # What lies outside of the crop box is not on the page that people see.
        if box[0] < box[2] and box[1] < box[3]:
            word = Word(text.translate(_CONTROLS), box)
            words.setdefault((block, line), []).append(word)
    for number, block in enumerate(page.get_text("dict", textpage=textpage)["blocks"]):
        for n, line in enumerate(block.get("lines", ())):
            if not (found := words.get((number, n))):
                continue
            spans = [span for span in line["spans"] if span["text"].strip()] or line["spans"]
            x, y = line["dir"]
            yield Line(
                block=number,
                words=tuple(found),
                size_pt=float(max(spans, key=lambda span: len(span["text"]))["size"]),
                bold=all(map(_is_bold, spans)),
                upright=a * x + c * y > 0 and abs(b * x + d * y) < _SLANT,
                box=around(word.box for word in found),
            )


def _is_bold(span: dict[str, Any]) -> bool:
    return bool(span["flags"] & _BOLD_FLAG or _BOLD_FONT.search(span["font"]))
