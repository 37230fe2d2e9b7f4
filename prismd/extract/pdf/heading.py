"""Which paragraphs of a PDF are headings, and which are running headers and footers; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from prismd.domain import Box
from prismd.extract.pdf.page import Paragraph

_LARGER = 1.15
"""A heading is set this much larger than the body, or bold."""
_MAX_CHARS = 200
_MAX_BOLD_CHARS = 100
_MAX_ROWS = 3
_MAX_BOLD_ROWS = 2
_MARGIN = 0.1
"""Running headers and footers stand in this share of the page's height, above and below."""
_RUNNING_PAGES = 3
_RUNNING_SHARE = 0.4

_INDENTED = 0.2
_NARROW = 0.5
"""Heads of columns begin and extend so, as shares of the table's width."""
_MAX_HEAD_CHARS = 40

_WORDLIKE = re.compile(r"[^\W\d_]{2}")
_PAGE_NUMBER = re.compile(r"^\W*(page\s*)?\d{1,4}(\s*(of|/)\s*\d{1,4})?\W*$", re.IGNORECASE)
_SPACE_OR_DIGITS = re.compile(r"[\s\d]+")
_DIGITS = re.compile(r"\d+")
_MOST_DIGITS = 18
_MOST_KEPT = 200
_MOST_OFFSET = 40


class Sheet(msgspec.Struct, frozen=True):
    """The paragraphs of one page.

    ``scanned`` tells that they were read from a picture: their sizes say little.
    """

    number: int
    height_pt: float
    paragraphs: tuple[Paragraph, ...]
    scanned: bool = False


class OutlineEntry(msgspec.Struct, frozen=True):
    """An entry of the file's own table of contents."""

    level: int
    title: str
    page: int


class Headings:
    """Tells headings from the rest, by what is usual in this document.

    Args:
        sheets: All pages of the document.
        outline: Its table of contents, possibly empty.
    """

    def __init__(self, sheets: Sequence[Sheet], outline: Iterable[OutlineEntry]) -> None:
        self._body_pt = _body_size(sheets)
        self._running = _running_lines(sheets)
        self._column_heads = {(s.number, box) for s in sheets for box in _column_heads(s)}
        self._outline = {(e.page, _plain(e.title)): e.level for e in outline if _plain(e.title)}
        sizes = {
            _rounded(p.rows[0].size_pt)
            for s in sheets
            if not s.scanned
            for p in s.paragraphs
            if self._is_large(p)
        }
        self._levels = {size: n for n, size in enumerate(sorted(sizes, reverse=True), start=1)}
        matched = sum(
            (sheet.number, _plain(p.text)) in self._outline
            for sheet in sheets
            for p in sheet.paragraphs
        )
        self._outline_rules = matched >= max(3, len(self._outline) / 2)

    def is_running(self, sheet: Sheet, paragraph: Paragraph) -> bool:
        """Whether a paragraph is a running header or footer."""
        return _in_margin(sheet, paragraph) and (
            skeleton(paragraph) in self._running or bool(_PAGE_NUMBER.match(paragraph.text))
        )

    def level(self, sheet: Sheet, paragraph: Paragraph) -> int | None:
        """The level of a heading, 1 the outermost; None for what is no heading."""
        if paragraph.kind == "table" or self.is_running(sheet, paragraph):
            return None
        text = paragraph.text
        listed = self._outline.get((sheet.number, _plain(text)))
        if listed is not None:
            return listed
        if self._outline_rules or sheet.scanned:
            return None
        if self._is_large(paragraph):
            return self._levels[_rounded(paragraph.rows[0].size_pt)]
        bold = (
            (sheet.number, paragraph.box) not in self._column_heads
            and len(paragraph.rows) <= _MAX_BOLD_ROWS
            and all(row.bold for row in paragraph.rows)
            and paragraph.rows[0].size_pt >= 0.95 * self._body_pt
            and len(text) <= _MAX_BOLD_CHARS * len(paragraph.rows)
            and "\t" not in text.strip()
            and not text.endswith((".", ",", ";", ":", "%"))
            and not (text.startswith("(") and text.endswith(")"))
            and _WORDLIKE.search(text)
        )
        return len(self._levels) + 1 if bold else None

    def _is_large(self, paragraph: Paragraph) -> bool:
        return (
            paragraph.kind != "table"
            and len(paragraph.rows) <= _MAX_ROWS
            and min(row.size_pt for row in paragraph.rows) >= _LARGER * self._body_pt
            and len(text := paragraph.text) <= _MAX_CHARS
            and not (text.endswith((".", ":")) and len(text) > _MAX_BOLD_CHARS)
            and _WORDLIKE.search(text) is not None
        )


def _column_heads(sheet: Sheet) -> Iterator[Box]:
    """The boxes of what heads a column: above a table and off its left edge, or side by side."""
    heads: set[int] = set()
    for n, paragraph in enumerate(sheet.paragraphs):
        if paragraph.kind == "table":
            heads.update(_above_table(sheet.paragraphs, n))
        elif n and _is_beside(sheet.paragraphs[n - 1], paragraph):
            heads.update((n - 1, n))
    for n in sorted(heads, reverse=True):
        # The upper line of a head of two lines has nothing beside it in the reading order.
        if n and n - 1 not in heads and len(sheet.paragraphs[n - 1].text) <= _MAX_HEAD_CHARS:
            heads.add(n - 1)
    for n in heads:
        yield sheet.paragraphs[n].box


def _above_table(paragraphs: Sequence[Paragraph], table: int) -> Iterator[int]:
    left, _, right, _ = paragraphs[table].box
    for n in range(table - 1, -1, -1):
        x0, _, x1, _ = paragraphs[n].box
        is_narrow = x1 - x0 < _NARROW * (right - left)
        if paragraphs[n].kind == "table" or x0 < left + _INDENTED * (right - left) or not is_narrow:
            return
        yield n


def _is_beside(before: Paragraph, paragraph: Paragraph) -> bool:
    """Whether a short paragraph is read after another short one that it stands beside."""
    short = max(len(before.text), len(paragraph.text)) <= _MAX_HEAD_CHARS
    a, b = before.box, paragraph.box
    return short and before.kind != "table" and a[1] < b[3] - 1 and b[1] < a[3] - 1 and b[0] > a[2]


def _rounded(size_pt: float) -> float:
    return round(size_pt * 2) / 2


def _body_size(sheets: Sequence[Sheet]) -> float:
    """The size that most of the document is set in."""
    sizes: Counter[float] = Counter()
    for sheet in sheets:
        for paragraph in () if sheet.scanned else sheet.paragraphs:
            for row in paragraph.rows:
                sizes[_rounded(row.size_pt)] += len(row.text)
    return max(sizes, key=lambda size: (sizes[size], -size), default=0.0)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def skeleton(paragraph: Paragraph) -> str:
    """A paragraph's text without what changes from page to page: numbers and spacing."""
    return _SPACE_OR_DIGITS.sub(" ", paragraph.text).strip().casefold()


class Running:
    """Headers and footers that were written down already.

    One is a repetition when each of its numbers is the one that stood there before, or that of
    the page, front matter counted or not: the number of an invoice is not that of a page.
    """

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[int, list[int]]]] = {}

    def repeats(self, page: int, paragraph: Paragraph) -> bool:
        """Whether it says nothing new; else it is remembered."""
        numbers = [int(digits[:_MOST_DIGITS]) for digits in _DIGITS.findall(paragraph.text)]
        seen = self._seen.setdefault(skeleton(paragraph), [])
        for first, known in seen:
            if len(known) == len(numbers) and all(
                new == old or (new - page == old - first and abs(old - first) <= _MOST_OFFSET)
                for old, new in zip(known, numbers, strict=True)
            ):
                return True
        if len(seen) < _MOST_KEPT:
            seen.append((page, numbers))
        return False


def _in_margin(sheet: Sheet, paragraph: Paragraph) -> bool:
    _, top, _, bottom = paragraph.box
    return bottom <= _MARGIN * sheet.height_pt or top >= (1 - _MARGIN) * sheet.height_pt


def _running_lines(sheets: Sequence[Sheet]) -> frozenset[str]:
    pages: Counter[str] = Counter()
    for sheet in sheets:
        pages.update(
            {skeleton(p) for p in sheet.paragraphs if len(p.rows) <= 2 and _in_margin(sheet, p)}
        )
    least = max(_RUNNING_PAGES, _RUNNING_SHARE * len(sheets))
    return frozenset(text for text, count in pages.items() if count >= least)
