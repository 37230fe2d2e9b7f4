"""The sheets of an OpenDocument spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prismd.extract.draft import Draft
from prismd.extract.office.number_format import general
from prismd.extract.office.odf_inline import (
    FRAMES,
    OFFICE,
    TABLE,
    TEXT,
    all_text,
    alternative,
    comment_text,
    count,
    paragraph_text,
)
from prismd.extract.office.sheet import MAX_COLUMNS, SheetWriter
from prismd.extract.steps import step

_MAX_REPEATED = 1000
_STEP_ROWS = 5_000
_ROW_GROUPS = frozenset(
    f"{TABLE}{name}" for name in ("table-header-rows", "table-rows", "table-row-group")
)
_CELLS = frozenset({f"{TABLE}table-cell", f"{TABLE}covered-table-cell"})


def write_sheets(spreadsheet: Any, draft: Draft) -> bool:
    """Write down all sheets; False when there is nothing in any of them."""
    has_content = False
    sheets = list(spreadsheet.iterfind(f"{TABLE}table"))
    for n, sheet in enumerate(sheets):
        if draft.full:
            break
        draft.heading(1, sheet.get(f"{TABLE}name") or f"Sheet {n + 1}")
        before = len(draft.blocks)
        comments: list[str] = []
        for row in _write_rows(sheet, draft, comments):
            if row % _STEP_ROWS == 0:
                step(n, len(sheets))
        for shape in sheet.iterfind(f"{TABLE}shapes/*"):
            if shape.tag in FRAMES:
                draft.add(all_text(shape))
                draft.add(alternative(shape), "caption")
        for comment in comments:
            draft.add(comment, "note")
        has_content = has_content or len(draft.blocks) > before
    return has_content


def _write_rows(sheet: Any, draft: Draft, comments: list[str]) -> Iterator[int]:
    """Write down a sheet's rows; tells the number of each before it is written."""
    writer = SheetWriter(draft)
    for n, row in enumerate(_rows(sheet)):
        if draft.full:
            break
        yield n
        cells = list(_cells(row, comments))
        # Programs write the empty rest of a sheet as a million times the same row.
        for _ in range(min(count(row, f"{TABLE}number-rows-repeated"), _MAX_REPEATED)):
            writer.row(cells)
            if not any(cells):
                break
    writer.close()


def _rows(sheet: Any) -> Iterator[Any]:
    stack = list(reversed(sheet))
    while stack:
        node = stack.pop()
        if node.tag == f"{TABLE}table-row":
            yield node
        elif node.tag in _ROW_GROUPS:
            stack += reversed(node)


def _cells(row: Any, comments: list[str]) -> Iterator[str]:
    at = 0
    for cell in row:
        if cell.tag not in _CELLS or at >= MAX_COLUMNS:
            continue
        for annotation in cell.iterfind(f"{OFFICE}annotation"):
            if comment := comment_text(annotation):
                comments.append(comment)
        text = _shown(cell)
        repeated = min(count(cell, f"{TABLE}number-columns-repeated"), MAX_COLUMNS - at)
        at += repeated
        yield from [text] * repeated


def _shown(cell: Any) -> str:
    """A cell as it is shown; dates as ISO 8601 has them, as in other spreadsheets."""
    if date := str(cell.get(f"{OFFICE}date-value", "")):
        return date.removesuffix("T00:00:00").replace("T", " ")
    text = "\n".join(paragraph_text(node) for node in cell.iterfind(f"{TEXT}p"))
    if not text.strip() and (value := cell.get(f"{OFFICE}value")):
        try:
            return general(float(value))
        except (ValueError, OverflowError):
            return ""
    return text
