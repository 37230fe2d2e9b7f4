"""Where something is in a picture of the screen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.browser.samples import Rect

Test = Callable[[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]], NDArray[np.bool_]]


def box_of(picture: Image.Image, is_it: Test) -> Rect:
    """The smallest box around the pixels that pass a test of their red, green and blue."""
    pixels = np.asarray(picture, dtype=np.int16)
    rows, columns = np.nonzero(is_it(pixels[..., 0], pixels[..., 1], pixels[..., 2]))
    assert len(rows), "nothing of that colour is seen"
    return (
        float(columns.min()),
        float(rows.min()),
        float(columns.max() + 1),
        float(rows.max() + 1),
    )


def farthest(one: Rect, other: Rect) -> float:
    """How far apart the sides of two boxes are at most."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def scaled(rect: Rect, by: float, left: float = 0.0, top: float = 0.0) -> Rect:
    """A box in other units, moved."""
    x0, y0, x1, y1 = (side * by for side in rect)
    return x0 + left, y0 + top, x1 + left, y1 + top


def grown(rect: Rect, by: float) -> Rect:
    """A box with a margin around it."""
    return rect[0] - by, rect[1] - by, rect[2] + by, rect[3] + by
