"""A page of a PDF as an image, places on it marked. Runs in a worker process only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf

from prismd.domain import Box
from prismd.errors import EncryptedDocument, ExtractError

_POINTS_PER_INCH = 72.0
_MAX_PIXELS = 12_000_000
_INK = np.array([255, 224, 92], np.uint16)
"""A highlighter's yellow: multiplied in, so that the words below it stay dark."""
_EDGE = np.array([214, 122, 0], np.uint8)
_MARGIN_PT = 1.5


def render_page(path: Path, page: int, boxes: Sequence[Box], dpi: int) -> bytes:
    """Render a page, as upright as a reader shows it.

    Args:
        path: A PDF.
        page: From 1.
        boxes: Places to mark, in points of the upright page, origin top left.
        dpi: Resolution; lower where the page would have too many pixels.

    Returns:
        A PNG.

    Raises:
        EncryptedDocument: It wants a password.
        ExtractError: It is no PDF, or has no such page (code ``no_page``).
    """
    try:
        document = pymupdf.open(path)
    except (pymupdf.FileDataError, pymupdf.EmptyFileError) as error:
        raise ExtractError("cannot be opened as a PDF; save it anew to see its pages") from error
    with document:
        if document.needs_pass:
            raise EncryptedDocument("encrypted; save it without a password to see its pages")
        if not 1 <= page <= document.page_count:
            raise ExtractError(
                f"has {document.page_count} pages, so there is no page {page}", code="no_page"
            )
        shown = document[page - 1]
        zoom = _zoom(shown.rect.width, shown.rect.height, dpi)
        pixels = shown.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
        for box in boxes:
            _mark(pixels, box, zoom)
        made: bytes = pixels.tobytes("png")
        return made


def _zoom(width_pt: float, height_pt: float, dpi: int) -> float:
    wanted = dpi / _POINTS_PER_INCH
    most: float = (_MAX_PIXELS / max(1.0, width_pt * height_pt)) ** 0.5
    return min(wanted, most)


def _mark(pixels: pymupdf.Pixmap, box: Box, zoom: float) -> None:
    """Highlight a box and draw its edge, on the pixels: the document itself stays untouched."""
    image = np.frombuffer(pixels.samples_mv, np.uint8)
    image = image.reshape(pixels.height, pixels.stride)[:, : pixels.width * pixels.n]
    image = image.reshape(pixels.height, pixels.width, pixels.n)
    left, top = (max(0, int((side - _MARGIN_PT) * zoom)) for side in box[:2])
    right = min(pixels.width, int((box[2] + _MARGIN_PT) * zoom) + 1)
    bottom = min(pixels.height, int((box[3] + _MARGIN_PT) * zoom) + 1)
    if left >= right or top >= bottom:
        return
    part = image[top:bottom, left:right, :3]
    part[:] = (part.astype(np.uint16) * _INK // 255).astype(np.uint8)
    part[0], part[-1], part[:, 0], part[:, -1] = _EDGE, _EDGE, _EDGE, _EDGE
