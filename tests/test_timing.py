from __future__ import annotations

import pytest

from prismd.timing import duration


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (0.9996, "1 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (60, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (3_599.9, "1 h 0 min"),
        (3_600, "1 h 0 min"),
        (7_199.9, "2 h 0 min"),
        (90_061, "25 h 1 min"),
    ],
)
def test_durations_carry_over(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
