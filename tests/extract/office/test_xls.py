"""Old Excel workbooks."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.domain import Extraction
from prismd.errors import ExtractError
from tests.extract.compound import compound_file

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

BOF, EOF, BOUNDSHEET, LABEL, NUMBER = 0x0809, 0x000A, 0x0085, 0x0204, 0x0203


def record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def bof(substream: int) -> bytes:
    return record(BOF, struct.pack("<HHHHII", 0x0600, substream, 0, 0, 0, 0x0600))


def sheet(rows: list[list[str | float]]) -> bytes:
    made = bof(0x10)
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            place = struct.pack("<HHH", r, c, 0)
            if isinstance(value, str):
                text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
                made += record(LABEL, place + text)
            else:
                made += record(NUMBER, place + struct.pack("<d", value))
    return made + record(EOF)


def workbook(rows: list[list[str | float]], *, hidden: bool = False) -> bytes:
    """A workbook of one sheet, as programs wrote it from 1997 on."""
    name = b"Sales"
    bound = struct.pack("<IBBBB", 0, hidden, 0, len(name), 0) + name
    start = len(bof(5) + record(BOUNDSHEET, bound) + record(EOF))
    bound = struct.pack("<I", start) + bound[4:]
    return compound_file(
        {"Workbook": bof(5) + record(BOUNDSHEET, bound) + record(EOF) + sheet(rows)}
    )


ROWS: list[list[str | float]] = [["Größe", "Count"], ["duck", 3.0], ["goose", 0.25]]


def test_a_workbook_is_read_sheet_by_sheet(read: Read, outline: Outline) -> None:
    table = "| Größe | Count |\n| --- | --- |\n| duck | 3 |\n| goose | 0.25 |"
    assert outline(read("a.xls", workbook(ROWS))) == [
        ("heading", "", "Sales"),
        ("table", "Sales", table),
    ]


def test_a_hidden_sheet_says_so(read: Read) -> None:
    assert read("a.xls", workbook(ROWS, hidden=True)).text.startswith("Sales (hidden)")


def test_a_workbook_of_nothing_is_empty(read: Read) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.xls", workbook([]))
    assert error.value.code == "empty"


@pytest.mark.parametrize(
    ("at", "value"), [(30, b"\x1f"), (32, b"\x1f"), (44, b"\xff\xff\xff"), (72, b"\xff\xff")]
)
def test_sizes_that_do_not_fit_the_file_are_not_believed(read: Read, at: int, value: bytes) -> None:
    data = workbook(ROWS)
    with pytest.raises(ExtractError) as error:
        read("a.xls", data[:at] + value + data[at + len(value) :])
    assert error.value.code == "broken"


@settings(deadline=None)  # the first file under another name imports another reader
@given(st.binary(min_size=1, max_size=20), st.integers(8, 6_000), st.booleans())
def test_no_damage_upsets_it(read: Read, junk: bytes, at: int, cut: bool) -> None:
    data = workbook(ROWS)
    try:
        read("a.xls", data[:at] + junk + (b"" if cut else data[at + len(junk) :])).text.encode()
    except ExtractError as error:
        assert error.code in {"broken", "empty", "unsupported", "encrypted"}
