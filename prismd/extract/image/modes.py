"""Pictures of any mode as eight bits of grey or colour, and as opaque. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SEE_THROUGH_SHARE = 0.2
"""A picture with less of it transparent is laid onto white, whatever its colours."""
_LIKE_LEVELS = 64
"""Ink that differs from what lies below it by less cannot be read."""
_WHITE, _BLACK = 255, 0
_PIECE = 1 << 20


def eight_bits(image: Image.Image) -> Image.Image:
    """The image as L, LA, RGB or RGBA, whatever its mode.

    A colour that stands for transparency becomes transparency.
    """
    mode = image.mode
    if mode in {"I", "F"} or mode.startswith("I;"):
        return Image.fromarray(_levels(np.asarray(image), mode))
    if mode == "LAB":
        return _from_lab(image)
    clear = "transparency" in image.info
    if (mode in {"L", "RGB"} and not clear) or mode in {"LA", "RGBA"}:
        return image
    if mode in {"PA", "RGBa"} or (clear and mode in {"1", "L", "P", "RGB"}):
        return image.convert("RGBA")
    if mode == "La":
        return image.convert("LA")
    return image.convert("L" if mode == "1" else "RGB")


def _levels(values: NDArray[np.generic], mode: str) -> NDArray[np.uint8]:
    """Deep grey values as eight bits, over the range that is in use."""
    if mode.startswith("I;"):
        # Cameras and scanners put ten, twelve or fourteen bits into sixteen.
        most = float((1 << max(8, int(values.max(initial=0)).bit_length())) - 1)
        least = 0.0
    else:
        finite = values[np.isfinite(values)]
        least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if least >= 0:
            least = 0.0
            most = next((top for top in (1.0, 255.0, 65535.0) if most <= top), most)
    flat = values.reshape(-1)
    out = np.empty(flat.shape, np.uint8)
    # Piece by piece: a copy of all of it in floats would be larger than the picture itself.
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE].astype(np.float64)
        scaled = (piece - least) * (255.0 / ((most - least) or 1.0)) + 0.5
        scaled = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
        out[start : start + _PIECE] = np.clip(scaled, 0, 255)
    return out.reshape(values.shape)


def _from_lab(image: Image.Image) -> Image.Image:
    made = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert made is not None  # noqa: S101 - only in place it gives nothing
    return made


def opaque(image: Image.Image) -> Image.Image:
    """The image as RGB; what is transparent is laid onto what lets the rest be seen."""
    if image.mode == "RGB":
        return image
    if image.mode not in {"LA", "RGBA"}:
        return image.convert("RGB")
    alpha = image.getchannel("A")
    ground = Image.new("RGB", image.size, (_ground(image, alpha),) * 3)
    ground.paste(image.convert("RGB"), mask=alpha)
    return ground


def _ground(image: Image.Image, alpha: Image.Image) -> int:
    """The grey to lay a transparent image onto: white, unless more can be read on black."""
    opacity = np.asarray(alpha.histogram(), np.float64)
    if opacity[:128].sum() < _SEE_THROUGH_SHARE * opacity.sum():
        return _WHITE
    seen = alpha.point([0] * 128 + [255] * 128)
    levels = np.asarray(image.convert("RGB").convert("L").histogram(seen), np.float64)
    lost_on_white, lost_on_black = levels[-_LIKE_LEVELS:].sum(), levels[:_LIKE_LEVELS].sum()
    return _BLACK if lost_on_white > lost_on_black else _WHITE
