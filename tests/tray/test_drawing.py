from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest

from prismd.tray.drawing import TILE, icon
from prismd.tray.standing import Mood

MOODS: tuple[Mood, ...] = get_args(Mood)
SIZES_PX = (16, 22, 32, 64)


def luminance(colour: tuple[int, int, int]) -> float:
    """Relative, as WCAG 2 has it."""
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def sign(mood: Mood, size_px: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Where the sign is, whatever the colours: all that a colour-blind person has."""
    ground = luminance(TILE[mood])
    grey = np.asarray(icon(mood, size_px).convert("RGB"), dtype=float)
    levels = np.apply_along_axis(lambda pixel: luminance(tuple(pixel)), 2, grey)
    return levels > (1 + ground) / 2


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("mood", MOODS)
def test_every_state_has_an_icon_of_the_size(mood: Mood, size_px: int) -> None:
    drawn = icon(mood, size_px)
    assert (drawn.size, drawn.mode) == ((size_px, size_px), "RGBA")
    ground = (np.asarray(drawn) == (*TILE[mood], 255)).all(axis=2)
    assert ground.mean() > 0.08
    corner = drawn.getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert corner[3] < 128


@pytest.mark.parametrize("size_px", SIZES_PX)
def test_states_are_told_apart_by_shape_alone(size_px: int) -> None:
    signs = {mood: sign(mood, size_px) for mood in MOODS}
    for one, other in itertools.combinations(MOODS, 2):
        differing = (signs[one] != signs[other]).mean()
        assert differing > 0.04, (one, other)


@pytest.mark.parametrize("mood", MOODS)
def test_the_sign_stands_out_from_its_ground(mood: Mood) -> None:
    assert 1.05 / (luminance(TILE[mood]) + 0.05) >= 4.5


def test_every_state_has_a_colour_of_its_own() -> None:
    assert set(TILE) == set(MOODS)
    assert len(set(TILE.values())) == len(MOODS)
