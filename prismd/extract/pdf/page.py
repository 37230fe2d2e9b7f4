"""From the words of a PDF page to rows, paragraphs and tables; pure, in displayed coordinates.

A *row* is what stands on one baseline, cut into *cells* where the space is wide. Rows are what
makes a table readable: its cells are written in one line, a tab between them, so that the text
stays the words of the page and nothing but them, and a quotation of it can be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from prismd.domain import BlockKind, Box

_CELL_GAP = 1.6
"""Cells stand apart by this many font sizes of empty space; words by less."""
_LARGER = 1.12
"""What is set so much larger than what follows is not of one paragraph or table with it."""
_FAR = 3.0
"""Rows so many heights apart are not of one table."""
_LEAD_ROWS = 2
"""A bold or larger beginning of at most so many rows is a paragraph of its own."""
_ROW_OVERLAP = 0.6
"""Lines share a row when they overlap by this share of the lower one's height."""
_TABLE_ROWS = 3
"""A table has at least this many rows of two cells and more."""
_LABEL_ROWS = 2
"""So many rows of one cell may stand between two of several (headings inside a table)."""
_DISORDER = 0.3
"""A page is re-ordered when this share of its blocks follows a block that it stands above."""

_MARKER = re.compile(
    r"^(?:[•●○◦▪■□\u2013\u2014\-*·➢►✓\uf0b7\uf0a7]|\(?(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,5})[.)])$"
)


class Word(msgspec.Struct, frozen=True):
    """A word and its box on the displayed page."""

    text: str
    box: Box


class Line(msgspec.Struct, frozen=True):
    """A line as the parser found it: words of one direction next to each other."""

    block: int
    words: tuple[Word, ...]
    size_pt: float
    bold: bool
    upright: bool
    box: Box


class Row(msgspec.Struct, frozen=True):
    """What stands on one baseline, from left to right."""

    block: int
    cells: tuple[tuple[Word, ...], ...]
    size_pt: float
    bold: bool
    box: Box

    @property
    def text(self) -> str:
        """The row in one line, tabs between its cells."""
        return "\t".join(" ".join(word.text for word in cell) for cell in self.cells)


class Paragraph(msgspec.Struct, frozen=True):
    """Rows that belong together."""

    rows: tuple[Row, ...]
    kind: BlockKind

    @property
    def text(self) -> str:
        """The rows, a line each."""
        return "\n".join(row.text for row in self.rows)

    @property
    def box(self) -> Box:
        """The box around its rows."""
        return around(row.box for row in self.rows)


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of the boxes, of which there is at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (min(x0), min(y0), max(x1), max(y1))


def paragraphs(lines: Sequence[Line]) -> list[Paragraph]:
    """Group the lines of a page, in reading order, into paragraphs, lists and tables."""
    rows = _rows(_in_order(lines))
    found: list[Paragraph] = []
    at = 0
    for start, end in _tables(rows):
        found += _plain(rows[at:start])
        found.append(Paragraph(tuple(rows[start:end]), "table"))
        at = end
    return found + _plain(rows[at:])


def _in_order(lines: Sequence[Line]) -> list[Line]:
    """The lines in the order of the file, or by position where that order is plainly not reading.

    Writers nearly always draw columns one after the other, as they are read; a few draw a page
    from the bottom, or at random.
    """
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    boxes = {block: around(line.box for line in of) for block, of in blocks.items()}
    order = list(blocks)
    pairs = list(pairwise(order))
    upward = sum(_is_above(boxes[second], boxes[first]) for first, second in pairs)
    if len(order) > 3 and upward > _DISORDER * len(pairs):
        order = [order[i] for i in reading_order([boxes[block] for block in order])]
    return [line for block in order for line in blocks[block]]


def _is_above(box: Box, other: Box) -> bool:
    """Whether a box ends above another that it shares a column with."""
    return box[3] <= other[1] + 1 and min(box[2], other[2]) > max(box[0], other[0])


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Order boxes as they are read: cut at empty stripes, across the page first, then down it.

    Returns:
        The indices of ``boxes``, in order.
    """
    ordered: list[int] = []
    stack = [list(range(len(boxes)))]
    while stack:
        group = stack.pop()
        parts = [group]
        for low, high in ((1, 3), (0, 2)):
            if len(parts) == 1:
                parts = _cut(group, boxes, low, high)
        if len(parts) == 1:
            ordered += sorted(group, key=lambda i: (boxes[i][1], boxes[i][0]))
        else:
            stack += reversed(parts)
    return ordered


def _cut(group: list[int], boxes: Sequence[Box], low: int, high: int) -> list[list[int]]:
    """Part a group of boxes at every stripe of one direction that none of them touches."""
    parts: list[list[int]] = []
    reach = float("-inf")
    for i in sorted(group, key=lambda i: boxes[i][low]):
        if boxes[i][low] >= reach or not parts:
            parts.append([])
        parts[-1].append(i)
        reach = max(reach, boxes[i][high])
    return parts


def _rows(lines: Sequence[Line]) -> list[Row]:
    """Join lines that follow each other on one baseline, and cut the rows into cells."""
    groups: list[list[Line]] = []
    for line in lines:
        if groups and line.upright and groups[-1][-1].upright and _continues(groups[-1][-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_row(group) for group in groups]


def _continues(before: Line, line: Line) -> bool:
    a, b = before.box, line.box
    overlap = min(a[3], b[3]) - max(a[1], b[1])
    return overlap >= _ROW_OVERLAP * min(a[3] - a[1], b[3] - b[1]) and b[0] >= a[2] - 1


def _row(group: list[Line]) -> Row:
    size = max(line.size_pt for line in group)
    cells: list[list[Word]] = []
    for line in group:
        for word in line.words:
            # Right to left text has its next word on the left: the space is on that side.
            gap = (
                max(word.box[0] - cells[-1][-1].box[2], cells[-1][-1].box[0] - word.box[2])
                if cells
                else 0
            )
            if not cells or (line.upright and gap > _CELL_GAP * size):
                cells.append([])
            cells[-1].append(word)
    return Row(
        block=group[0].block,
        cells=tuple(map(tuple, cells)),
        size_pt=size,
        bold=all(line.bold for line in group),
        box=around(line.box for line in group),
    )


def _is_tabular(row: Row) -> bool:
    cells = len(row.cells)
    is_item = cells == 2 and _MARKER.match(" ".join(word.text for word in row.cells[0]))
    return cells > 1 and not is_item


def _tables(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Where tables stand among the rows, as half-open ranges."""
    tables: list[tuple[int, int]] = []
    members: list[int] = []
    for at, row in enumerate(rows):
        if members and not _same_table(rows, members[-1], at):
            _close(members, tables)
        if _is_tabular(row):
            members.append(at)
    _close(members, tables)
    return tables


def _close(members: list[int], tables: list[tuple[int, int]]) -> None:
    if len(members) >= _TABLE_ROWS:
        tables.append((members[0], members[-1] + 1))
    members.clear()


def _same_table(rows: Sequence[Row], last: int, at: int) -> bool:
    """Whether a row can belong to the table whose last row of several cells is given."""
    row, before = rows[at], rows[at - 1]
    height = before.box[3] - before.box[1]
    return (
        at - last <= _LABEL_ROWS + 1
        and row.size_pt <= _LARGER * rows[last].size_pt
        and before.box[1] - height <= row.box[1] <= before.box[3] + _FAR * height
    )


def _plain(rows: Sequence[Row]) -> list[Paragraph]:
    """Rows outside tables: a paragraph for each of the parser's blocks, its headings apart."""
    groups: list[list[Row]] = []
    for row in rows:
        if groups and groups[-1][-1].block == row.block and not _begins_anew(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [Paragraph(tuple(group), _kind(group)) for group in groups]


def _begins_anew(group: list[Row], row: Row) -> bool:
    """Whether a row of the same block is set so differently that a heading ends or begins."""
    before = group[-1]
    if (row.bold and not before.bold) or row.size_pt > _LARGER * before.size_pt:
        return True
    # A whole paragraph in bold goes on in plain type, a heading of a row or two does not.
    lead = before.bold and not row.bold
    return len(group) <= _LEAD_ROWS and (lead or before.size_pt > _LARGER * row.size_pt)


def _kind(rows: Sequence[Row]) -> BlockKind:
    return "list" if _MARKER.match(rows[0].cells[0][0].text) else "paragraph"
