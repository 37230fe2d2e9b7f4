"""Draws what a scanner and a camera would make of printed words, and knows where they went.

Both pictures are the same at every run: their grain comes from a seeded generator.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1; origin top left."""

Point = tuple[float, float]
Place = Callable[[Box], Box]

_PHOTOGRAPH_PX = (1200, 900)

_ORIENTATION, _MODEL, _TAKEN = 0x0112, 0x0110, 0x9003
_EXIF = 0x8769
_TURNED_RIGHT = 6
"""Of EXIF's orientations: the rows as stored run down the right side of the upright picture."""


@dataclass(frozen=True)
class Line:
    """A line of print: where it starts on the sheet, in pixels, and how high its letters are."""

    text: str
    x: float
    y: float
    size_px: int


@dataclass(frozen=True)
class Sheet:
    """Printed lines on a ground, before anything was done to it."""

    image: Image.Image
    lines: tuple[Line, ...]

    def box(self, words: str) -> Box:
        """Where the ink of words is, which stand in one line.

        Raises:
            ValueError: No line has them.
        """
        for line in self.lines:
            before, found, _ = line.text.partition(words)
            if found:
                font = ImageFont.load_default(line.size_px)
                draw = ImageDraw.Draw(self.image)
                return draw.textbbox((line.x + font.getlength(before), line.y), words, font)
        raise ValueError(f"no line has the words {words!r}")


def sheet(size: tuple[int, int], ground: str, ink: str, lines: Iterable[Line]) -> Sheet:
    """Print lines on a ground."""
    printed = Sheet(Image.new("RGB", size, ground), tuple(lines))
    draw = ImageDraw.Draw(printed.image)
    for line in printed.lines:
        draw.text((line.x, line.y), line.text, ink, ImageFont.load_default(line.size_px))
    return printed


def write_scan(path: Path, page: Sheet, *, dpi: int, askew_degrees: float) -> Place:
    """Save a sheet as a scanner would: one grey picture in a PDF, askew, grainy, without text.

    Returns:
        What takes a box on the sheet to the box around it on the page, in points.
    """
    turned = page.image.convert("L").rotate(askew_degrees, Image.Resampling.BICUBIC, fillcolor=255)
    width, height = turned.size
    points = 72 / dpi
    picture = io.BytesIO()
    _grain(turned, 9.0).save(picture, "JPEG", quality=60)
    with pymupdf.open() as pdf:
        leaf = pdf.new_page(width=width * points, height=height * points)
        leaf.insert_image(leaf.rect, stream=picture.getvalue())
        pdf.save(path)
    sine, cosine = math.sin(math.radians(askew_degrees)), math.cos(math.radians(askew_degrees))

    def turn(point: Point) -> Point:
        x, y = point[0] - width / 2, point[1] - height / 2
        return (
            (cosine * x + sine * y + width / 2) * points,
            (cosine * y - sine * x + height / 2) * points,
        )

    return lambda box: _around(box, turn)


def write_photograph(path: Path, sign: Sheet, corners: tuple[Point, ...]) -> Place:
    """Save a sheet as a photograph of a sign, taken from one side with the camera on end.

    Args:
        path: The JPEG file.
        sign: The sign, as it would be seen from in front.
        corners: Where its corners come to be in the picture of 1200 by 900 pixels: top left,
            top right, bottom right, bottom left.

    Returns:
        What takes a box on the sign to the box around it in the upright picture, in pixels.
    """
    width, height = sign.image.size
    straight = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    method, back = Image.Transform.PERSPECTIVE, _perspective(corners, straight)
    seen = sign.image.transform(_PHOTOGRAPH_PX, method, back, Image.Resampling.BICUBIC)
    covered = Image.new("L", (width, height), 255).transform(_PHOTOGRAPH_PX, method, back)
    taken = Image.composite(seen, _wall(_PHOTOGRAPH_PX), covered)
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_RIGHT
    exif[_MODEL] = "Pocket camera"
    exif.get_ifd(_EXIF)[_TAKEN] = "2026:06:14 16:21:08"
    stored = _grain(taken.filter(ImageFilter.GaussianBlur(0.8)), 5.0)
    # On end: the top of what was seen is the right side of what is stored.
    stored = stored.transpose(Image.Transpose.ROTATE_90)
    stored.save(path, "JPEG", quality=80, exif=exif)
    forth = _perspective(straight, corners)
    return lambda box: _around(box, lambda point: _map(forth, point))


def _wall(size: tuple[int, int]) -> Image.Image:
    """A plastered wall, lighter towards the top."""
    shade = np.linspace(205, 150, size[1])[:, None, None] * np.array([1.0, 0.97, 0.9])
    return Image.fromarray(np.broadcast_to(shade, (size[1], size[0], 3)).astype(np.uint8))


def _grain(image: Image.Image, strength: float) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    grain = np.random.default_rng(7).normal(0.0, strength, pixels.shape[:2])
    if pixels.ndim > 2:
        grain = grain[..., None]
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def _perspective(source: tuple[Point, ...], target: tuple[Point, ...]) -> list[float]:
    """The eight coefficients that take four points to four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows), np.array(values))]


def _map(coefficients: list[float], point: Point) -> Point:
    a, b, c, d, e, f, g, h = coefficients
    x, y = point
    depth = g * x + h * y + 1
    return (a * x + b * y + c) / depth, (d * x + e * y + f) / depth


def _around(box: Box, move: Callable[[Point], Point]) -> Box:
    """The upright box around where a box's corners are moved to."""
    x0, y0, x1, y1 = box
    moved = [move(corner) for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    xs, ys = [x for x, _ in moved], [y for _, y in moved]
    return min(xs), min(ys), max(xs), max(ys)
