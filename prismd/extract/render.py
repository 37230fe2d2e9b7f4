"""Pages of PDFs and pictures as images, places on them marked. Runs in a worker process only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image

from prismd.domain import Box
from prismd.errors import EncryptedDocument, ExtractError, UnsupportedMedia
from prismd.extract.detect import identify
from prismd.extract.image.picture import PictureFile, open_upright
from prismd.extract.pdf.about import ERRORS, cause
from prismd.extract.pdf.opening import opened

_POINTS_PER_INCH = 72.0
_MAX_PIXELS = 12_000_000
_MAX_EDGE_PX = 2000
"""Of a picture that is shown; more is not seen on a screen, and makes a large PNG."""
_INK = np.array([255, 224, 92], np.uint16)
"""A highlighter's yellow: multiplied in, so that the words below it stay dark."""
_EDGE = np.array([214, 122, 0], np.uint8)
_MARGIN_PT = 1.5
_MARGIN_PX = 2.0
_QUALITY = 82
_FAST = 1
"""The best compression of a photograph takes ten times as long and saves a tenth."""


def render_page(path: Path, page: int, boxes: Sequence[Box], dpi: int) -> bytes:
    """Render a page of a PDF, or a picture, as upright as a reader shows it.

    Args:
        path: A PDF or a picture.
        page: From 1; of pictures, only TIFF has several.
        boxes: Places to mark, as the file's layout has them: pixels of a picture, points of
            a page; upright, origin top left.
        dpi: Resolution of a PDF's page; lower where the page would have too many pixels.
            Pictures are shown in their own, at most 2000 pixels long.

    Returns:
        A PNG.

    Raises:
        EncryptedDocument: It wants a password.
        UnsupportedMedia: It is neither a PDF nor a picture.
        ExtractError: It is damaged, or has no such page (code ``no_page``).
    """
    found = identify(path)
    if found == "application/pdf":
        return _render_pdf(path, page, boxes, dpi)
    if found.startswith("image/"):
        return _render_picture(path, page, boxes)
    raise UnsupportedMedia(
        "only pages of PDFs and pictures can be shown; open the file itself to see it"
    )


def thumbnail(path: Path, max_px: int) -> bytes:
    """A small version of a picture, upright.

    Args:
        path: A picture.
        max_px: The most that its longer side may have.

    Returns:
        A JPEG.

    Raises:
        ExtractError: It is no picture, or a broken one.
    """
    # Four times as many pixels as are asked for still make a smooth small picture.
    image = open_upright(path, most_px=max(1, 2 * max_px) ** 2).image
    image.thumbnail((max_px, max_px), Image.Resampling.LANCZOS, reducing_gap=None)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def _render_picture(path: Path, page: int, boxes: Sequence[Box]) -> bytes:
    with PictureFile(path) as file:
        pages = file.pages()
        if not 1 <= page <= len(pages):
            raise _no_page(len(pages), page)
        picture = file.page(pages[page - 1], 2 * _MAX_EDGE_PX**2)
    # Of pages, places are in points, and a fax's pixels are no squares.
    across, down = picture.points_per_px if len(pages) > 1 else (1.0, 1.0)
    width, height = picture.width_px * across, picture.height_px * down
    longer = min(_MAX_EDGE_PX, max(picture.width_px, picture.height_px))
    scale = longer / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = np.array(picture.image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    zoom = size[0] / width, size[1] / height
    for box in boxes:
        _mark(shown, box, zoom, _MARGIN_PX / scale)
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "PNG", compress_level=_FAST)
    return out.getvalue()


def _render_pdf(path: Path, page: int, boxes: Sequence[Box], dpi: int) -> bytes:
    try:
        with opened(path) as document:
            return _drawn(document, page, boxes, dpi)
    except ERRORS as error:
        raise ExtractError(
            f"cannot be shown as a PDF ({cause(error)}); save it anew to see its pages"
        ) from error


def _drawn(document: pymupdf.Document, page: int, boxes: Sequence[Box], dpi: int) -> bytes:
    if document.needs_pass and not document.authenticate(""):
        raise EncryptedDocument("encrypted; save it without a password to see its pages")
    if not 1 <= page <= document.page_count:
        raise _no_page(document.page_count, page)
    shown = document[page - 1]
    zoom = _zoom(shown.rect.width, shown.rect.height, dpi)
    pixels = shown.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
    image = np.frombuffer(pixels.samples_mv, np.uint8)
    image = image.reshape(pixels.height, pixels.stride)[:, : pixels.width * pixels.n]
    image = image.reshape(pixels.height, pixels.width, pixels.n)
    for box in boxes:
        _mark(image, box, (zoom, zoom), _MARGIN_PT)
    made: bytes = pixels.tobytes("png")
    return made


def _zoom(width_pt: float, height_pt: float, dpi: int) -> float:
    wanted = dpi / _POINTS_PER_INCH
    most: float = (_MAX_PIXELS / max(1.0, width_pt * height_pt)) ** 0.5
    return min(wanted, most)


def _mark(image: NDArray[np.uint8], box: Box, zoom: tuple[float, float], margin: float) -> None:
    """Highlight a box and draw its edge, on the pixels: the document itself stays untouched.

    Args:
        image: Shape (height, width, channels).
        box: In units of the layout.
        zoom: Pixels per unit, across and down.
        margin: Around the box, in units of the layout.
    """
    height, width = image.shape[:2]
    left, top = (max(0, int((side - margin) * by)) for side, by in zip(box[:2], zoom, strict=True))
    right = min(width, int((box[2] + margin) * zoom[0]) + 1)
    bottom = min(height, int((box[3] + margin) * zoom[1]) + 1)
    if left >= right or top >= bottom:
        return
    part = image[top:bottom, left:right, :3]
    part[:] = (part.astype(np.uint16) * _INK // 255).astype(np.uint8)
    part[0], part[-1], part[:, 0], part[:, -1] = _EDGE, _EDGE, _EDGE, _EDGE


def _no_page(pages: int, page: int) -> ExtractError:
    return ExtractError(f"has {pages} pages, so there is no page {page}", code="no_page")
