"""Rows of any spreadsheet, and how far reading them has come."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from prismd.extract.base import ExtractOptions, load_extractor
from prismd.extract.detect import detect
from prismd.extract.draft import Draft
from prismd.extract.office.sheet import SheetWriter
from prismd.extract.steps import listening
from tests.extract.office.test_opendocument import package
from tests.extract.office.test_xls import workbook

Write = Callable[[str, bytes | str], Path]
ROWS = 1000


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    for n in range(ROWS):
        book.active.append([f"row {n}"])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def ods() -> bytes:
    row = "<table:table-row><table:table-cell><text:p>row</text:p></table:table-cell>"
    rows = f"{row}</table:table-row>" * ROWS
    return package("spreadsheet", f"<table:table>{rows}</table:table>")


def steps(path: Path) -> list[tuple[int, int]]:
    heard: list[tuple[int, int]] = []
    found = detect(path)
    with listening(lambda done, total: heard.append((done, total))):
        load_extractor(found).extract(path, found.name, ExtractOptions())
    return heard


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", xlsx()),
        ("a.xls", workbook([[f"row {n}"] for n in range(ROWS)])),
        ("a.ods", ods()),
    ],
)
def test_progress_is_told_as_rows_go_on(write: Write, name: str, content: bytes) -> None:
    assert steps(write(name, content)) == [(0, 1)] * 4


def test_rows_of_much_text_are_written_before_there_are_many() -> None:
    draft = Draft(100_000_000)
    writer = SheetWriter(draft, 0, 1)
    for _ in range(20):
        writer.row(["long " * 50_000, "b"])
    writer.close()
    assert len(draft.blocks) == 4
    assert draft.text.count("long") == 1_000_000


def test_nothing_is_taken_up_when_there_is_no_more_room() -> None:
    draft = Draft(50)
    writer = SheetWriter(draft, 0, 1)
    for n in range(1000):
        writer.row([f"row {n}"])
    writer.close()
    assert draft.full
    length = len(draft.text)
    writer.row(["more"])
    writer.close()
    assert len(draft.text) == length
