"""Tables laid out as Markdown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.extract.table import Cell, markdown_table

cells = st.builds(Cell, st.text("ab| \n", max_size=5), st.integers(1, 4), st.integers(1, 4))


@given(st.lists(st.lists(cells, max_size=5), max_size=6))
def test_every_row_has_the_same_columns_and_every_cell_is_written_once(
    rows: list[list[Cell]],
) -> None:
    written = markdown_table(rows)
    lines = written.split("\n") if written else []
    if any(line.startswith("| ") for line in lines):
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    letters = sum(cell.text.count("a") for row in rows for cell in row)
    assert written.count("a") == letters


def test_a_cell_over_two_rows_moves_the_cells_below_it() -> None:
    rows = [[Cell("a", 1, 2), Cell("b")], [Cell("c")], [Cell("d"), Cell("e")]]
    assert markdown_table(rows) == "| a | b |\n| --- | --- |\n|  | c |\n| d | e |"


def test_a_table_of_one_column_is_lines() -> None:
    assert markdown_table([[Cell("a")], [Cell("b")]]) == "a\nb"
