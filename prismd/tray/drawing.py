"""The icon, drawn: each state has a colour and a shape of its own.

Nobody has to tell red from green: what a state means is said by its sign as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from prismd.tray.standing import Mood

ICON_PX = 64
"""Panels show it at 16 to 48 px, and twice that on fine screens."""
TILE: dict[Mood, tuple[int, int, int]] = {
    "away": (110, 116, 125),
    "starting": (92, 79, 168),
    "indexing": (20, 118, 72),
    "idle": (26, 95, 180),
    "paused": (158, 92, 0),
    "attention": (184, 28, 40),
}
"""Ground of the icon, dark enough for the white sign upon it (contrast 4.5 and more)."""
_SIGN = (255, 255, 255, 255)
_OVERSAMPLING = 8
_CORNER = 0.22

Point = tuple[float, float]
Pen = Callable[[ImageDraw.ImageDraw, float], None]


def icon(mood: Mood, size_px: int = ICON_PX) -> Image.Image:
    """The icon of a state.

    Args:
        mood: The state.
        size_px: Width and height.

    Returns:
        RGBA. Outside its rounded corners it has no opacity, but the same colour: what cannot show
        opacity shows a square.
    """
    large_px = size_px * _OVERSAMPLING
    colour = TILE[mood]
    opacity = Image.new("L", (large_px, large_px), 0)
    ImageDraw.Draw(opacity).rounded_rectangle(
        (0, 0, large_px - 1, large_px - 1), _CORNER * large_px, fill=255
    )
    tile = Image.new("RGB", (large_px, large_px), colour)
    _SIGNS[mood](ImageDraw.Draw(tile), large_px)
    small = (size_px, size_px)
    drawn = tile.resize(small, Image.Resampling.LANCZOS)
    drawn.putalpha(opacity.resize(small, Image.Resampling.LANCZOS))
    return drawn


def _prism(draw: ImageDraw.ImageDraw, size: float) -> None:
    """A prism: all is well."""
    draw.polygon(_scaled(((0.5, 0.17), (0.86, 0.79), (0.14, 0.79)), size), fill=_SIGN)


def _hollow_prism(draw: ImageDraw.ImageDraw, size: float) -> None:
    """A prism of which only the outline is there yet."""
    _prism(draw, size)
    inner = _scaled(((0.5, 0.42), (0.655, 0.685), (0.345, 0.685)), size)
    draw.polygon(inner, fill=TILE["starting"])


def _going_round(draw: ImageDraw.ImageDraw, size: float) -> None:
    """An arrow that goes round."""
    width = round(0.13 * size)
    draw.arc(_box(0.17, 0.17, 0.83, 0.83, size), -40, 250, fill=_SIGN, width=width)
    draw.polygon(_scaled(((0.36, 0.02), (0.36, 0.43), (0.66, 0.225)), size), fill=_SIGN)


def _bars(draw: ImageDraw.ImageDraw, size: float) -> None:
    """The two bars of every player."""
    draw.rectangle(_box(0.25, 0.2, 0.43, 0.8, size), fill=_SIGN)
    draw.rectangle(_box(0.57, 0.2, 0.75, 0.8, size), fill=_SIGN)


def _exclamation(draw: ImageDraw.ImageDraw, size: float) -> None:
    """An exclamation mark."""
    draw.polygon(_scaled(((0.4, 0.14), (0.6, 0.14), (0.57, 0.62), (0.43, 0.62)), size), fill=_SIGN)
    draw.ellipse(_box(0.39, 0.69, 0.61, 0.91, size), fill=_SIGN)


def _cross(draw: ImageDraw.ImageDraw, size: float) -> None:
    """A cross: nobody there."""
    width = round(0.16 * size)
    for line in (((0.26, 0.26), (0.74, 0.74)), ((0.74, 0.26), (0.26, 0.74))):
        draw.line(_scaled(line, size), fill=_SIGN, width=width)


_SIGNS: dict[Mood, Pen] = {
    "away": _cross,
    "starting": _hollow_prism,
    "indexing": _going_round,
    "idle": _prism,
    "paused": _bars,
    "attention": _exclamation,
}


def _scaled(points: Sequence[Point], size: float) -> list[Point]:
    return [(x * size, y * size) for x, y in points]


def _box(
    x0: float, y0: float, x1: float, y1: float, size: float
) -> tuple[float, float, float, float]:
    return (x0 * size, y0 * size, x1 * size, y1 * size)
