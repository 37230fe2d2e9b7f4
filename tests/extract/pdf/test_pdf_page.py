"""Reading order and rows of a page, without a PDF."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Box
from prismd.extract.pdf.page import Line, Word, paragraphs, reading_order

boxes = st.tuples(st.floats(0, 500), st.floats(0, 700), st.floats(1, 300), st.floats(1, 90)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(boxes, max_size=30))
def test_reading_order_leaves_nothing_out(found: list[Box]) -> None:
    assert sorted(reading_order(found)) == list(range(len(found)))


def test_reading_order_is_column_by_column_under_a_common_heading() -> None:
    heading, left, left_below = (50, 20, 550, 60), (50, 80, 280, 300), (50, 320, 280, 500)
    right, footer = (320, 90, 550, 480), (50, 700, 550, 720)
    assert reading_order([footer, right, left_below, left, heading]) == [4, 3, 2, 1, 0]


def line(block: int, x: float, y: float, *texts: str) -> Line:
    words = tuple(
        Word(text, (x + 40 * n, y, x + 40 * n + 36, y + 10)) for n, text in enumerate(texts)
    )
    box = (x, y, words[-1].box[2], y + 10)
    return Line(block, words, size_pt=10, bold=False, upright=True, box=box)


@given(
    st.lists(
        st.builds(
            line,
            st.integers(0, 5),
            st.floats(0, 500),
            st.floats(0, 700),
            st.text("ab", min_size=1, max_size=3),
            st.text("cd", min_size=1, max_size=3),
        ),
        max_size=25,
    )
)
def test_every_word_comes_out_once(lines: list[Line]) -> None:
    out = [
        word
        for paragraph in paragraphs(lines)
        for row in paragraph.rows
        for cell in row.cells
        for word in cell
    ]
    expected = [word for found in lines for word in found.words]
    assert sorted(map(repr, out)) == sorted(map(repr, expected))


def test_rows_of_cells_are_a_table_and_two_of_them_are_none() -> None:
    rows = [(line(n, 50, 20 * n, "name"), line(n, 300, 20 * n, "value")) for n in range(3)]
    table = paragraphs([found for row in rows for found in row])
    assert [(p.kind, p.text) for p in table] == [("table", "\n".join(["name\tvalue"] * 3))]
    assert {p.kind for p in paragraphs([*rows[0], *rows[1]])} == {"paragraph"}


def test_a_numbered_item_is_no_row_of_a_table() -> None:
    lines = [line(n, x, 20 * n, text) for n in range(4) for x, text in ((50, "1."), (120, "item"))]
    assert {p.kind for p in paragraphs(lines)} == {"list"}
