from __future__ import annotations

import pytest

from prismd.place import clock, in_words


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
    ("seconds", "expected"), [(0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3_725.5, "62:05")]
)
def test_moments(seconds: float, expected: str) -> None:
    assert clock(seconds) == expected
