"""How much the lines of a page slope, and where their boxes stand on it."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from prismd.extract.ocr.skew import slope, unsloped


@functools.cache
def page() -> Image.Image:
    image = Image.new("L", (1200, 1500), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(30)
    text = "the lines of this page run from one margin to another as they do in any book"
    words = text.split()
    for n in range(28):
        line = " ".join(words[(5 * n + at * (n + 2)) % len(words)] for at in range(9))
        draw.text((120, 120 + 45 * n), line, 0, font)
    return image


@settings(deadline=None, max_examples=20)
@given(st.integers(-65, 65), st.sampled_from([0, 90, 180, 270]))
def test_the_slope_of_a_page_is_found_whichever_way_up_it_is(tenths: int, turn: int) -> None:
    degrees = tenths / 10
    sloping = (
        page()
        .rotate(turn, expand=True)
        .rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    )
    assert slope(sloping) == pytest.approx(degrees if abs(degrees) >= 0.3 else 0, abs=0.31)


def test_what_is_no_page_of_text_does_not_slope() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (900, 700), dtype=np.uint8)
    assert slope(Image.fromarray(noise)) == 0
    assert slope(Image.new("L", (800, 800), 255)) == 0
    assert slope(Image.new("1", (3, 5000))) == 0
    assert slope(Image.new("L", (1, 1))) == 0


@given(st.integers(-70, 70), st.integers(60, 300), st.integers(60, 200))
def test_a_box_on_the_levelled_page_is_around_the_same_on_the_given_one(
    tenths: int, x: int, y: int
) -> None:
    given_page = Image.new("L", (400, 300), 255)
    given_page.paste(0, (x, y, x + 30, y + 12))
    levelled = given_page.rotate(tenths / 10, expand=True, fillcolor=255)
    found = Image.eval(levelled, lambda value: 255 - value).getbbox()
    assert found is not None
    box = unsloped(found, tenths / 10, levelled.size, given_page.size)
    assert box[0] <= x + 2
    assert box[1] <= y + 2
    assert box[2] >= x + 28
    assert box[3] >= y + 10
    assert box[2] - box[0] < 50
    assert box[3] - box[1] < 40
