"""Writing down a spreadsheet row by row: titles, tables apart by empty rows, column names."""

from __future__ import annotations

from collections.abc import Sequence

from prismd.extract.draft import Draft
from prismd.extract.steps import step
from prismd.extract.table import cell_text, column_names, table_line, table_rule

MAX_COLUMNS = 1024
_BLOCK_ROWS = 200
_BLOCK_CHARS = 1 << 20
_STEP_ROWS = 256
_SHORT_CHARS = 600
_MAX_TITLES = 5


def has_cells(draft: Draft) -> bool:
    """Whether there is more in a workbook than the names of its sheets."""
    return any(block.kind != "heading" for block in draft.blocks)


class SheetWriter:
    """Writes one sheet's rows; each run of rows without an empty one between is a table.

    Rows with a single cell above a table are its titles. A table that is longer than a passage
    has the names of its columns as context, so that each row can be understood by itself.

    Args:
        draft: Where to.
        number: Which sheet this is, from 0.
        sheets: How many there are.
    """

    def __init__(self, draft: Draft, number: int, sheets: int) -> None:
        self._draft = draft
        self._place = number, sheets
        self._taken = 0
        self._held_chars = 0
        self._rows: list[list[str]] = []
        self._used: list[int] = []
        self._names: tuple[str, ...] = ()
        self._goes_on = False

    def row(self, cells: Sequence[str]) -> None:
        """Take up the next row, from its first column; nothing in it ends the table."""
        if self._taken % _STEP_ROWS == 0:
            step(*self._place)
        self._taken += 1
        if self._draft.full:
            return
        row = [cell_text(cell) if cell else "" for cell in cells[:MAX_COLUMNS]]
        if not any(row):
            self.close()
            return
        self._rows.append(row)
        self._held_chars += sum(map(len, row))
        if len(self._rows) >= _BLOCK_ROWS or self._held_chars >= _BLOCK_CHARS:
            self._write(ends=False)

    def close(self) -> None:
        """End the table in hand."""
        if self._rows:
            self._write(ends=True)
        self._used, self._names, self._goes_on = [], (), False

    def _write(self, *, ends: bool) -> None:
        if not self._goes_on:
            self._titles()
        if not self._rows:
            return
        found = {n for row in self._rows for n, cell in enumerate(row) if cell}
        self._used = sorted(found.union(self._used))
        rows = [[row[n] if n < len(row) else "" for n in self._used] for row in self._rows]
        if not self._goes_on and len(rows) > 1:
            self._names = column_names(rows[0])
        if len(self._used) == 1:
            text = "\n".join(row[0] for row in rows)
        else:
            lines = [table_line(row) for row in rows]
            if not self._goes_on:
                lines.insert(1, table_rule(len(self._used)))
            text = "\n".join(lines)
        is_short = ends and not self._goes_on and len(text) <= _SHORT_CHARS
        self._draft.add(text, "table", under=() if is_short else self._names)
        self._rows, self._held_chars, self._goes_on = [], 0, True

    def _titles(self) -> None:
        """Write the rows of one cell that stand above a table of several columns."""
        for _ in range(_MAX_TITLES):
            if len(self._rows) < 2 or sum(map(bool, self._rows[0])) != 1:
                return
            if all(sum(map(bool, row)) == 1 for row in self._rows):
                return
            self._draft.add("".join(self._rows.pop(0)), "caption")
