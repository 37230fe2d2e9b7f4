"""Reading the pages of a PDF that are pictures; runs in a worker process only.

One thread draws the pages, since MuPDF allows no more; several read them meanwhile. No more
pages are drawn ahead than are read at once, so that memory does not grow with the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

import msgspec
import pymupdf as _pymupdf
from PIL import Image

from prismd.domain import Box
from prismd.extract.base import ExtractOptions
from prismd.extract.ocr.ahead import read_ahead
from prismd.extract.ocr.reader import OcrPage, read_picture
from prismd.extract.ocr.words import scaled, turn_of, turned
from prismd.extract.pdf.about import ERRORS, cause
from prismd.extract.pdf.page import Line, Paragraph, Word, around, paragraphs
from prismd.extract.pieces import Pieces

pymupdf: Any = _pymupdf  # It is typed in part only.

DPI = 300
_POINTS_PER_INCH = 72.0
_MAX_PIXELS = 16_000_000
_MAX_SIDE_PX = 16_000
_LEAST_PIXELS = 1_500_000
_FINE_PIXELS = 8_000_000
"""A page so small that it would have fewer than the former gets as many pixels as its picture
has, up to the latter."""
_GLANCE_DPI = 36

_SAME_PLACE = 0.5
_SAME_HEIGHT = 0.4
"""A word that was read is one of the text layer's when so much of it lies in that one's box,
which is not much taller: the box of a watermark is."""


class _Drawn(msgspec.Struct, frozen=True):
    """A page as a picture; its size in points, and its words that are known already."""

    image: Image.Image
    size: tuple[float, float]
    known: tuple[Word, ...]


class Scan(msgspec.Struct, frozen=True):
    """What was read from a page; boxes in points of the page as it is displayed."""

    paragraphs: tuple[Paragraph, ...] = ()
    blank: bool = False
    """There is nothing on the page, not even a speck."""
    fault: str = ""
    """Why it could not be drawn."""
    unread: str = ""
    """Why OCR gave up on it."""
    warnings: tuple[str, ...] = ()


def is_blank(page: Any) -> bool:
    """Whether there is nothing on a page at a glance."""
    seen = page.get_pixmap(dpi=_GLANCE_DPI, colorspace=pymupdf.csGRAY, alpha=False)
    return _is_of_one_shade(_image(seen))


def read_scans(
    document: Any,
    layers: Iterable[tuple[int, Sequence[Line]]],
    options: ExtractOptions,
    pieces: Pieces,
) -> Iterator[tuple[int, Scan]]:
    """Read pages as pictures.

    Args:
        document: It must not be used while the iterator is at work.
        layers: Indices of the pages, from 0, each with the lines of its text layer that are
            known already and must not be read again.
        options: As for ``read_picture``.
        pieces: Pages that were read before, by index, and where those go that are read now.

    Yields:
        Index and what was read, in the order given.

    Raises:
        OcrMissing: There is nothing to read them with.
    """

    def drawn() -> Iterator[tuple[int, _Drawn | Scan, bool]]:
        for index, known in layers:
            scan = pieces.get(index, Scan)
            yield index, scan or _draw(document, index, known), scan is not None

    def read(page: tuple[int, _Drawn | Scan, bool]) -> tuple[int, Scan]:
        index, picture, is_known = page
        scan = _read(picture, options)
        if not is_known:
            pieces.put(index, scan)
        return index, scan

    return read_ahead(drawn(), read, options)


def _draw(document: Any, index: int, known: Sequence[Line]) -> _Drawn | Scan:
    try:
        page = document.load_page(index)
        if not page.get_bboxlog():
            return Scan(blank=True)
        size = (float(page.rect.width), float(page.rect.height))
        zoom = _zoom(page)
        drawn = page.get_pixmap(
            matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY, alpha=False
        )
        image = _image(drawn)
        if _is_of_one_shade(image):
            return Scan(blank=True)
    except ERRORS as error:
        return Scan(fault=cause(error))
    return _Drawn(image, size, tuple(word for line in known for word in line.words))


def _image(drawn: Any) -> Image.Image:
    return Image.frombytes("L", (drawn.width, drawn.height), drawn.samples)


def _is_of_one_shade(image: Image.Image) -> bool:
    # MuPDF can tell as well, a thousand times slower.
    darkest, lightest = image.getextrema()
    return darkest == lightest


def _read(page: _Drawn | Scan, options: ExtractOptions) -> Scan:
    if isinstance(page, Scan):
        return page
    read = read_picture(page.image, options, dpi=DPI)
    found = to_paragraphs(read, page.size, page.known)
    return Scan(tuple(found), unread=read.unread, warnings=read.warnings)


def to_paragraphs(
    read: OcrPage, size: tuple[float, float], known: Sequence[Word] = ()
) -> list[Paragraph]:
    """What OCR found on a page, as the page's paragraphs.

    Args:
        read: What was found on the picture of the displayed page.
        size: Width and height of that page in points.
        known: Words of the text layer; those are left out.
    """
    across, down = size[0] / read.width_px, size[1] / read.height_px
    turn = read.rotation
    upright = size if turn % 180 == 0 else (size[1], size[0])
    # One size for all: the height of a line depends on which letters it happens to have.
    height = [_height(line.box, turn) for block in read.blocks for line in block.lines]
    size_pt = median(height) * (down if turn % 180 == 0 else across) if height else 0.0
    lines: list[Line] = []
    for number, block in enumerate(read.blocks):
        for found in block.lines:
            words = [Word(word.text, scaled(word.box, across, down, *size)) for word in found.words]
            words = [word for word in words if not _is_known(word, known, turn)]
            if words:
                words = [Word(w.text, turned(w.box, turn, *size)) for w in words]
                along = len(found.words) == 1 or turn_of(found) == turn
                lines.append(_line(number, words, size_pt, along))
    return [_turned_back(paragraph, -turn % 360, upright) for paragraph in paragraphs(lines)]


def _line(block: int, words: Sequence[Word], size_pt: float, upright: bool) -> Line:
    return Line(
        block=block,
        words=tuple(words),
        size_pt=size_pt,
        bold=False,
        upright=upright,
        box=around(word.box for word in words),
    )


def _height(box: Box, turn: int) -> float:
    return box[3] - box[1] if turn % 180 == 0 else box[2] - box[0]


def _is_known(word: Word, known: Sequence[Word], turn: int) -> bool:
    x0, y0, x1, y1 = word.box
    for other in known:
        a0, b0, a1, b1 = other.box
        shared = max(0.0, min(x1, a1) - max(x0, a0)) * max(0.0, min(y1, b1) - max(y0, b0))
        if shared >= _SAME_PLACE * (x1 - x0) * (y1 - y0) and _height(
            word.box, turn
        ) >= _SAME_HEIGHT * _height(other.box, turn):
            return True
    return False


def _turned_back(paragraph: Paragraph, turn: int, size: tuple[float, float]) -> Paragraph:
    if not turn:
        return paragraph
    rows = []
    for row in paragraph.rows:
        cells = tuple(
            tuple(Word(word.text, turned(word.box, turn, *size)) for word in cell)
            for cell in row.cells
        )
        box = turned(row.box, turn, *size)
        rows.append(msgspec.structs.replace(row, cells=cells, box=box))
    return Paragraph(tuple(rows), paragraph.kind)


def _zoom(page: Any) -> float:
    """How many pixels a point of the page gets."""
    width, height = max(1.0, page.rect.width), max(1.0, page.rect.height)
    zoom = DPI / _POINTS_PER_INCH
    if zoom * zoom * width * height < _LEAST_PIXELS:
        finest = max((_fineness(info) for info in page.get_image_info()), default=0.0)
        zoom = max(zoom, min(finest, (_FINE_PIXELS / (width * height)) ** 0.5))
    most = min((_MAX_PIXELS / (width * height)) ** 0.5, _MAX_SIDE_PX / max(width, height))
    return float(min(zoom, most))


def _fineness(info: dict[str, Any]) -> float:
    """How many of a picture's pixels stand on a point of the page."""
    x0, y0, x1, y1 = info["bbox"]
    area = abs((x1 - x0) * (y1 - y0))
    return float((info["width"] * info["height"] / area) ** 0.5) if area else 0.0
