"""Tables as Markdown; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

_MAX_COLUMNS = 256
_NAMES_CHARS = 240
_NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*%?")


class Cell(msgspec.Struct, frozen=True):
    """A cell and how many columns and rows it takes."""

    text: str
    columns: int = 1
    rows: int = 1


def markdown_table(rows: Sequence[Sequence[Cell]]) -> str:
    """Lay out a table as Markdown.

    A cell that takes several columns or rows is written once, where it begins. Empty rows and
    columns are left out. A table of one column is a line per row, without rulings.

    Args:
        rows: The cells of each row that begin in it, from left to right.

    Returns:
        The table, its first row as the header; empty when no cell has text.
    """
    grid = [row for row in _grid(rows) if any(row)]
    width = max(map(len, grid), default=0)
    grid = [row + [""] * (width - len(row)) for row in grid]
    used = [n for n in range(width) if any(row[n] for row in grid)]
    if len(used) <= 1:
        return "\n".join(row[n] for row in grid for n in used)
    lines = [table_line([row[n] for n in used]) for row in grid]
    lines.insert(1, table_rule(len(used)))
    return "\n".join(lines)


def table_line(cells: Sequence[str]) -> str:
    """A row of a table; ``cells`` as ``cell_text`` gives them."""
    return "| " + " | ".join(cells) + " |"


def table_rule(columns: int) -> str:
    """What stands below a table's header."""
    return "|" + " --- |" * columns


def cell_text(text: str) -> str:
    """What a cell holds, in one line, its bars told from those between cells."""
    return " ".join(text.replace("|", "\\|").split())


def _grid(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Every row as texts by column, empty where a cell of before reaches into."""
    taken: dict[int, int] = {}
    grid: list[list[str]] = []
    for cells in rows:
        row: list[str] = []
        for cell in cells:
            _skip_taken(row, taken)
            if len(row) >= _MAX_COLUMNS:
                break
            for n in range(len(row), len(row) + cell.columns):
                if cell.rows > 1:
                    taken[n] = cell.rows
            row += [cell_text(cell.text)] + [""] * (cell.columns - 1)
        _skip_taken(row, taken)
        taken = {n: left - 1 for n, left in taken.items() if left > 1}
        grid.append(row)
    return grid


def _skip_taken(row: list[str], taken: dict[int, int]) -> None:
    while taken.get(len(row)):
        row.append("")


def column_names(row: Sequence[str]) -> tuple[str, ...]:
    """The first row as a heading, if it is one: words in most of its cells, numbers in none."""
    names = [cell for cell in row if cell]
    worded = sum(any(map(str.isalpha, name)) for name in names)
    if len(names) < 2 or 2 * worded <= len(names) or any(map(_NUMBER.fullmatch, names)):
        return ()
    return (_label(names),)


def _label(names: Sequence[str]) -> str:
    """The names of a table's columns as one heading, cut where it gets long."""
    label = ""
    for name in filter(None, (" ".join(name.split()) for name in names)):
        longer = f"{label} | {name}" if label else name
        if len(longer) > _NAMES_CHARS:
            return f"{label} | …" if label else f"{name[:_NAMES_CHARS]}…"
        label = longer
    return label
