"""Values of cells as people see them."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.extract.office.number_format import shown


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (None, "General", ""),
        ("text", "0.00", "text"),
        (True, "General", "TRUE"),
        (3, "General", "3"),
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (1e21, "General", "1e+21"),
        (0.256, "0.0%", "25.6%"),
        (1234.5, "#,##0.00", "1,234.50"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (-5, "0.00;(0.00)", "(5.00)"),
        (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
        (1234.5, '"$"#,##0', "$1,234"),
        (-3, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "-3.00 €"),
        (7, "00000", "00007"),
        (1500000, '0.0,,"M"', "1.5M"),
        (0, '0;-0;"-"', "0"),
        (12345, "0.00E+00", "12345"),
        (0.5, "# ?/?", "0.5"),
        (5, "[>100]0;0.0", "5"),
        (5, '"a;b" 0;0', "a;b 5"),
        (datetime.datetime(2024, 3, 1), "mm/dd/yy", "2024-03-01"),
        (datetime.datetime(2024, 3, 1, 9, 30), "General", "2024-03-01 09:30"),
        (datetime.time(9, 30, 5), "General", "09:30:05"),
        (datetime.timedelta(hours=30, minutes=5), "[h]:mm", "30:05:00"),
    ],
)
def test_values_are_written_as_they_are_shown(
    value: object, number_format: str, expected: str
) -> None:
    assert shown(value, number_format) == expected


@given(st.floats() | st.integers(), st.text('0#?.,;"\\_*[]$€-%E+/@ >a', max_size=30))
def test_no_format_upsets_it(value: float, number_format: str) -> None:
    assert isinstance(shown(value, number_format), str)


def test_a_format_longer_than_any_program_takes_is_not_followed() -> None:
    assert shown(1234.5, "0" * 256) == "1234.5"
    assert shown(1234.5, '"' + "x" * 250 + '"0').endswith("x1234")
