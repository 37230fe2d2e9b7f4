"""Where a range of a document's text stands in its source; packing and reading of layouts.

Pure: extractors pack, the chunker and the citations locate.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import (
    Box,
    ImageLocator,
    Layout,
    LayoutKind,
    Locator,
    Page,
    PageLocator,
    TextLocator,
    TimeLocator,
)

_LINE_OVERLAP = 0.5
"""Words share a line when they overlap by this share of the lower one's height."""
_LINE_GAP = 3.0
"""Words stand apart (two columns, two cells) beyond this many heights of empty space."""


class Spans(msgspec.Struct, frozen=True):
    """The words or segments of a layout, in order of the text, not overlapping.

    ``starts`` and ``ends`` have shape (n,), in code points; ``boxes`` has shape (n, 4) on pages
    and images (x0, y0, x1, y1) and (n, 2) in recordings (start and end second).
    """

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    boxes: NDArray[np.float32]


def pack(
    kind: LayoutKind,
    starts: Sequence[int],
    ends: Sequence[int],
    boxes: Sequence[Sequence[float]],
    pages: Iterable[Page] = (),
) -> Layout:
    """Pack spans into a layout.

    Args:
        kind: What the boxes are: see ``domain.Layout``.
        starts: Where each span begins in the text, ascending.
        ends: Where each span ends; not beyond the next one's start.
        boxes: One box (or start and end second) per span.
        pages: The pages, in order of the text.

    Raises:
        ValueError: The spans are not in order, overlap, or differ in number.
    """
    width = 2 if kind == "time" else 4
    first = np.asarray(starts, dtype="<i4")
    last = np.asarray(ends, dtype="<i4")
    places = np.asarray(boxes, dtype="<f4").reshape(len(boxes), width)
    if not len(first) == len(last) == len(places):
        raise ValueError(f"{len(first)} starts, {len(last)} ends, {len(places)} boxes")
    if np.any(first >= last) or np.any(first[1:] < last[:-1]):
        raise ValueError("spans are empty, overlap or are not in the order of the text")
    return Layout(
        kind=kind,
        pages=tuple(pages),
        starts=first.tobytes(),
        ends=last.tobytes(),
        boxes=places.tobytes(),
    )


def unpack(layout: Layout) -> Spans:
    """The spans of a layout, as read-only views of its bytes."""
    width = 2 if layout.kind == "time" else 4
    return Spans(
        starts=np.frombuffer(layout.starts, dtype="<i4"),
        ends=np.frombuffer(layout.ends, dtype="<i4"),
        boxes=np.frombuffer(layout.boxes, dtype="<f4").reshape(-1, width),
    )


def line_index(text: str) -> NDArray[np.int64]:
    r"""Where each line of a text begins; lines end with ``\n`` alone.

    Returns:
        Shape ``(lines,)``, ascending, the first one 0.
    """
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return np.asarray(starts, dtype=np.int64)


def locate(
    layout: Layout,
    lines: NDArray[np.int64],
    start: int,
    end: int,
    heading: tuple[str, ...] = (),
) -> Locator:
    """Where a range of the text stands in the source.

    Args:
        layout: The layout of the document.
        lines: ``line_index`` of the document's text; only layouts of kind ``text`` look at it.
        start: First code point of the range.
        end: One beyond its last; the range lies on one page.
        heading: Path of headings above the range, for texts.

    Returns:
        The locator of the layout's kind. A range without a word (a table's ruling, say) has no
        boxes, but its page all the same.
    """
    if layout.kind == "text":
        line_start, line_end = np.searchsorted(lines, (start, max(start, end - 1)), "right")
        return TextLocator(int(line_start), int(line_end), start, end, heading)
    spans = unpack(layout)
    low = int(np.searchsorted(spans.ends, start, "right"))
    high = max(low, int(np.searchsorted(spans.starts, end, "left")))
    if layout.kind == "time":
        return _locate_time(spans, low, high)
    boxes = merge_lines(spans.boxes[low:high].tolist())
    page = page_at(layout, start)
    if layout.kind == "image":
        return ImageLocator(boxes, int(page.width), int(page.height))
    return PageLocator(page.number, boxes, page.width, page.height)


def whole(layout: Layout) -> Locator:
    """A picture or a recording as such: all of the first page, or of the time.

    Raises:
        ValueError: The layout is a text's, or has no pages.
    """
    if layout.kind == "time":
        return TimeLocator(0.0, layout.duration_s)
    page = page_at(layout, 0)
    everything = ((0.0, 0.0, page.width, page.height),)
    if layout.kind == "image":
        return ImageLocator(everything, int(page.width), int(page.height))
    return PageLocator(page.number, everything, page.width, page.height)


def page_at(layout: Layout, offset: int) -> Page:
    """The page that holds a code point; for one between two pages, the latter.

    Raises:
        ValueError: The layout has no pages.
    """
    if not layout.pages:
        raise ValueError(f"a layout of kind {layout.kind} without pages")
    at = bisect_right(layout.pages, offset, key=lambda page: page.char_end)
    return layout.pages[min(at, len(layout.pages) - 1)]


def merge_lines(boxes: Sequence[Sequence[float]]) -> tuple[Box, ...]:
    """Join the boxes of words, in reading order, into one box per line (or column of a line)."""
    merged: list[Box] = []
    for x0, y0, x1, y1 in boxes:
        if merged:
            a0, b0, a1, b1 = merged[-1]
            height = min(y1 - y0, b1 - b0)
            overlap = min(y1, b1) - max(y0, b0)
            gap = max(x0 - a1, a0 - x1)
            if overlap >= _LINE_OVERLAP * height and gap <= _LINE_GAP * height:
                merged[-1] = (min(a0, x0), min(b0, y0), max(a1, x1), max(b1, y1))
                continue
        merged.append((x0, y0, x1, y1))
    return tuple(merged)


def _locate_time(spans: Spans, low: int, high: int) -> TimeLocator:
    if not len(spans.starts):
        return TimeLocator(0.0, 0.0)
    # A range between two words belongs to the moment where the earlier one ends.
    if low == high:
        moment = float(spans.boxes[max(0, low - 1), 1])
        return TimeLocator(moment, moment)
    times = spans.boxes[low:high]
    return TimeLocator(float(times[:, 0].min()), float(times[:, 1].max()))
