"""By how much the lines of a scanned page slope; pure."""

from __future__ import annotations

from math import cos, radians, sin, tan

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from prismd.domain import Box

_SIDE_PX = 1000
_STRIPS = 40
_MOST_DEGREES = 7.0
_STEP_DEGREES = 0.1
_LEAST_DEGREES = 0.3
_PLAIN = 8.0
"""Lines of text show so much more clearly along their slope than along others; railings do not."""


def slope(picture: Image.Image) -> float:
    """The degrees by which the lines of a picture have been turned, counterclockwise.

    Args:
        picture: In mode ``L`` or ``1``; its lines may as well run from top to bottom.

    Returns:
        Between -7 and 7; 0 where the lines are level, or do not plainly slope.
    """
    small = picture.convert("L")
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32)
    angles = np.arange(-_MOST_DEGREES, _MOST_DEGREES + _STEP_DEGREES / 2, _STEP_DEGREES)
    across = _clearness(grey, angles)
    # Turning moves the columns of a picture the other way than its rows.
    down = _clearness(grey.T, -angles)
    clearness = max(across, down, key=lambda values: float(values.max()))
    best = int(clearness.argmax())
    found = float(angles[best])
    plain = float(clearness[best]) > _PLAIN * float(np.median(clearness))
    return round(found, 1) if plain and abs(found) >= _LEAST_DEGREES else 0.0


def _clearness(grey: NDArray[np.float32], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much neighbouring rows differ in darkness when summed along each slope.

    The picture is cut into strips, and the strips are shifted against each other: that is as good
    as turning it, and hundreds of times faster.
    """
    height, width = grey.shape
    if height < _STRIPS or width < _STRIPS:
        return np.zeros(len(angles))
    edges = np.linspace(0, width, _STRIPS + 1).astype(int)
    strips = np.add.reduceat(grey.astype(np.float64), edges[:-1], axis=1).T
    middles = (edges[:-1] + edges[1:]) / 2 - width / 2
    margin = int(width / 2 * tan(radians(_MOST_DEGREES))) + 2
    if height <= 3 * margin:
        margin = height // 4
    rows = np.arange(margin, height - margin)
    found = np.empty(len(angles))
    for at, angle in enumerate(angles):
        shifts = np.clip(np.round(-middles * tan(radians(angle))), -margin, margin).astype(int)
        profile = np.zeros(len(rows))
        for strip, shift in zip(strips, shifts, strict=True):
            profile += strip[margin + shift : height - margin + shift]
        found[at] = np.square(np.diff(profile)).sum()
    return found


def unsloped(box: Box, degrees: float, turned: tuple[int, int], given: tuple[int, int]) -> Box:
    """The box, on the picture as given, around what a box on the turned one holds.

    Args:
        box: On the picture after it was turned about its middle.
        degrees: By how much it was turned, counterclockwise.
        turned: Its width and height after.
        given: Its width and height before.
    """
    cosine, sine = cos(radians(degrees)), sin(radians(degrees))
    x0, y0, x1, y1 = box
    xs, ys = [], []
    for x, y in ((x0, y0), (x1, y0), (x0, y1), (x1, y1)):
        right, below = x - turned[0] / 2, y - turned[1] / 2
        xs.append(given[0] / 2 + right * cosine - below * sine)
        ys.append(given[1] / 2 + right * sine + below * cosine)
    return (min(xs), min(ys), max(xs), max(ys))
