"""Documents of which some pages are pictures, drawn on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pymupdf as _pymupdf
from PIL import Image, ImageDraw, ImageFont

from prismd.domain import Extraction

pymupdf: Any = _pymupdf  # It is typed in part only.

Draw = Callable[[Any], None]

WIDTH, HEIGHT = 420.0, 300.0
SCANNED = (
    "The harbour authority names three",
    "reasons for the delay. First, the new",
    "crane was delivered eleven weeks late.",
)
TYPED = "This page has a text layer with words in it."


def png(lines: Sequence[str] = SCANNED, *, turn: int = 0) -> bytes:
    image = Image.new("L", (1750, 1250), 255)
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((150, 300 + 90 * n), line, 0, ImageFont.load_default(52))
    stream = io.BytesIO()
    image.rotate(-turn, expand=True).save(stream, "PNG")
    return stream.getvalue()


def scan(lines: Sequence[str] = SCANNED, *, turn: int = 0) -> Draw:
    """A page that is a picture of text; ``turn``: how far the sheet was turned when scanned."""
    return lambda page: page.insert_image(page.rect, stream=png(lines, turn=turn))


def typed(text: str = TYPED, *, y: float = 150, way: int = 0) -> Draw:
    return lambda page: page.insert_text((40, y), text, fontsize=10, render_mode=way)


def together(*draws: Draw) -> Draw:
    def draw(page: Any) -> None:
        for each in draws:
            each(page)

    return draw


def grey(page: Any) -> None:
    """A picture that shows no text."""
    noise = np.random.default_rng(3).normal(128, 30, (600, 800)).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((200, 150)).save(stream, "PNG")
    page.insert_image(page.rect, stream=stream.getvalue())


def make(*pages: Draw, rotation: int = 0) -> bytes:
    with pymupdf.open() as document:
        for draw in pages:
            page = document.new_page(width=WIDTH, height=HEIGHT)
            draw(page)
            page.set_rotation(rotation)
        return bytes(document.tobytes())


def pages(extraction: Extraction) -> list[tuple[str, str]]:
    """Text and note of each page."""
    return [
        (" ".join(extraction.text[p.char_start : p.char_end].split()), p.note)
        for p in extraction.layout.pages
    ]
