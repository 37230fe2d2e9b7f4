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

_MAX_REPEATED = 1000
# Of all rows that say how often they stand there, in one document.
_MOST_REPEATED_CELLS = 2_000_000
_ROW_GROUPS = frozenset(
    f"{TABLE}{name}" for name in ("table-header-rows", "table-rows", "table-row-group")
)
_CELLS = frozenset({f"{TABLE}table-cell", f"{TABLE}covered-table-cell"})


def write_sheets(spreadsheet: Any, draft: Draft) -> None:
    """Write down all sheets."""
    sheets = list(spreadsheet.iterfind(f"{TABLE}table"))
    repeats = _Repeats()
    for n, sheet in enumerate(sheets):
        if draft.full:
            break
        draft.heading(1, sheet.get(f"{TABLE}name") or f"Sheet {n + 1}")
        comments: list[str] = []
        writer = SheetWriter(draft, n, len(sheets))
        for row in rows_of(sheet):
            if draft.full:
                break
            cells = _cells(row, comments)
            for _ in range(repeats.of(row, len(cells))):
                writer.row(cells)
        writer.close()
        for shape in sheet.iterfind(f"{TABLE}shapes/*"):
            if shape.tag in FRAMES:
                draft.add(all_text(shape))
                draft.add(alternative(shape), "caption")
        for comment in comments:
            draft.add(comment, "note")


class _Repeats:
    """Says how often a row is written, where it says any number."""

    def __init__(self) -> None:
        self._left = _MOST_REPEATED_CELLS

    def of(self, row: Any, cells: int) -> int:
        """How often a row of so many cells is written; one of no cells ends a table at once."""
        times = count(row, f"{TABLE}number-rows-repeated") if cells else 1
        times = max(1, min(times, _MAX_REPEATED, 1 + self._left // max(1, cells)))
        self._left -= (times - 1) * cells
        return times


def rows_of(table: Any) -> Iterator[Any]:
    """A table's own rows, header rows and groups of rows opened."""
    stack = list(reversed(table))
    while stack:
        node = stack.pop()
        if node.tag == f"{TABLE}table-row":
            yield node
        elif node.tag in _ROW_GROUPS:
            stack += reversed(node)


def _cells(row: Any, comments: list[str]) -> list[str]:
    """A row's texts up to the last one: the empty rest says that it is of any length."""
    texts: list[str] = []
    empty = 0
    for cell in row:
        at = len(texts) + empty
        if cell.tag not in _CELLS or at >= MAX_COLUMNS:
            continue
        for annotation in cell.iterfind(f"{OFFICE}annotation"):
            if comment := comment_text(annotation):
                comments.append(comment)
        text = " ".join(_shown(cell).split())
        repeated = min(count(cell, f"{TABLE}number-columns-repeated"), MAX_COLUMNS - at)
        if text:
            texts += [""] * empty + [text] * repeated
            empty = 0
        else:
            empty += repeated
    return texts


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
