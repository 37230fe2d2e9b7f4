from __future__ import annotations

import pytest

from prismd.domain import ImageLocator, Locator, PageLocator, TextLocator, TimeLocator
from prismd.place import clock, in_words, rounded


@pytest.mark.parametrize(
    ("locator", "expected"),
    [
        ({"kind": "page", "page": 3}, "page 3"),
        ({"kind": "time", "start_s": 5.9, "end_s": 65.2}, "0:05 to 1:05"),
        ({"kind": "image"}, "image"),
        ({"kind": "text", "line_start": 4, "line_end": 4}, "line 4"),
        ({"kind": "text", "line_start": 4, "line_end": 9}, "lines 4 to 9"),
    ],
)
def test_places_in_words(locator: dict[str, object], expected: str) -> None:
    assert in_words(locator) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0:00"),
        (59.99, "0:59"),
        (60, "1:00"),
        (3_599, "59:59"),
        (3_600, "1:00:00"),
        (4_503.5, "1:15:03"),
    ],
)
def test_moments(seconds: float, expected: str) -> None:
    assert clock(seconds) == expected


FLOAT_NOISE = 195.47999572753906


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (TimeLocator(0.15000000596046448, 2.0), TimeLocator(0.15, 2.0)),
        (
            PageLocator(2, ((FLOAT_NOISE, 1.0, 2.0, 3.0),), 595.2755737304688, 841.8900146484375),
            PageLocator(2, ((195.48, 1.0, 2.0, 3.0),), 595.28, 841.89),
        ),
        (
            ImageLocator(((1.0, FLOAT_NOISE, 2.0, 3.0),), 320, 200),
            ImageLocator(((1.0, 195.48, 2.0, 3.0),), 320, 200),
        ),
        (TextLocator(1, 2, 3, 4), TextLocator(1, 2, 3, 4)),
    ],
)
def test_a_place_is_told_without_the_noise_of_single_precision(
    place: Locator, told: Locator
) -> None:
    assert rounded(place) == told
