"""XLSX: sheets, values as they are shown, names of columns, comments, charts."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.office.xlsx import _UNCOMPUTED
from tests.extract.office.test_docx import with_parts

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def saved(book: Any) -> bytes:
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def workbook(*rows: Sequence[object]) -> Any:
    book = openpyxl.Workbook()
    book.active.title = "Sales"
    for row in rows:
        book.active.append(list(row))
    return book


def with_sheet(xml: str) -> bytes:
    """A workbook whose only sheet is this XML."""
    source = zipfile.ZipFile(io.BytesIO(saved(workbook(["x"]))))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, xml if "sheet1.xml" in name else source.read(name))
    return made.getvalue()


def test_sheets_are_headings_and_tables_keep_their_titles(read: Read, outline: Outline) -> None:
    book = workbook(["Quarter one"], ["Region", "Amount"], ["North", 3.5], [], ["alone"])
    book.create_sheet("Empty")
    book.create_sheet("Notes").append(["hidden | words"])
    book["Notes"].sheet_state = "hidden"
    book.properties.title = "The Book"
    book.properties.creator = "Ann"
    extraction = read("a.xlsx", saved(book))
    assert extraction.title == "The Book"
    assert extraction.metadata["author"] == "Ann"
    assert outline(extraction) == [
        ("heading", "", "Sales"),
        ("caption", "Sales", "Quarter one"),
        ("table", "Sales", "| Region | Amount |\n| --- | --- |\n| North | 3.5 |"),
        ("table", "Sales", "alone"),
        ("heading", "", "Empty"),
        ("heading", "", "Notes (hidden)"),
        ("table", "Notes (hidden)", "hidden \\| words"),
    ]


def test_values_are_as_people_see_them(read: Read) -> None:
    book = workbook([0.256, 1234.5, datetime.date(2024, 3, 1), True])
    for cell, number_format in (("A1", "0.0%"), ("B1", "#,##0.00 [$€-407]")):
        book.active[cell].number_format = number_format
    assert "| 25.6% | 1,234.50 € | 2024-03-01 | TRUE |" in read("a.xlsx", saved(book)).text


def test_every_row_of_a_long_table_knows_its_columns(read: Read) -> None:
    rows: list[list[object]] = [["Region", "Product", "Amount"]]
    rows += [["North", f"thing {n}", n] for n in range(900)]
    extraction = read("a.xlsx", saved(workbook(*rows)))
    tables = [block for block in extraction.blocks if block.kind == "table"]
    assert len(tables) > 1
    assert {block.heading for block in tables} == {("Sales", "Region | Product | Amount")}
    assert extraction.text.count("---") == 3
    assert "| North | thing 899 | 899 |" in extraction.text


def test_figures_are_not_taken_for_names_of_columns(read: Read) -> None:
    rows = [[n, f"word {n}", "some more words to fill the row"] for n in range(100)]
    extraction = read("a.xlsx", saved(workbook(*rows)))
    assert {block.heading for block in extraction.blocks[1:]} == {("Sales",)}


def test_comments_and_charts_are_read(read: Read, outline: Outline) -> None:
    book = workbook(["Year", "Ducks"], [2023, 5], [2024, 7])
    book.active["B2"].comment = Comment("Ann:\nso few", "Ann")
    chart = BarChart()
    chart.title = "Ducks by year"
    chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    book.active.add_chart(chart, "D1")
    written = outline(read("a.xlsx", saved(book)))
    assert ("note", "Sales", "Comment on B2 by Ann: so few") in written
    assert ("caption", "Sales", "Ducks by year") in written


def test_formulas_without_results_are_told_of(read: Read) -> None:
    extraction = read("a.xlsx", saved(workbook(["Sum", "=1+1"])))
    assert any("no stored result" in warning for warning in extraction.warnings)
    assert extraction.text == "Sales\n\nSum"


def test_a_sheet_may_say_any_size_of_itself(read: Read) -> None:
    rows = "".join(
        f'<row r="{n}"><c r="{cell}" t="str"><v>found {n}</v></c></row>'
        for n, cell in ((1, "A1"), (5000, "A5000"))
    )
    sheet = f'<worksheet {MAIN}><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData>'
    text = read("a.xlsx", with_sheet(f"{sheet}</worksheet>")).text
    assert text == "Sales\n\nfound 1\n\nfound 5000"


def test_what_is_beyond_the_widest_table_is_told_of(read: Read) -> None:
    extraction = read("a.xlsx", saved(workbook(["first"], [*([None] * 1100), "far out"])))
    assert "far out" not in extraction.text
    assert any("columns" in warning for warning in extraction.warnings)


def test_a_workbook_beyond_the_limit_is_cut_and_says_so(read: Read) -> None:
    extraction = read("a.xlsx", saved(workbook(*([f"word {n}"] for n in range(99)))), max_chars=50)
    assert len(extraction.text) <= 50
    assert extraction.warnings[0] == "only its first 50 characters are indexed"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (saved(openpyxl.Workbook()), "empty"),
        (saved(workbook(["x"]))[:2000], "broken"),
        (with_sheet(f"<worksheet {MAIN}><sheetData><row"), "broken"),
        (with_sheet(f'<!DOCTYPE a [<!ENTITY b "c">]><worksheet {MAIN}/>'), "broken"),
        (with_sheet(f"<worksheet {MAIN}>{' ' * 20_000_000}</worksheet>"), "too_large"),
    ],
    ids=["empty", "torn", "cut", "entities", "bomb"],
)
def test_bad_workbooks_say_what_is_wrong(read: Read, content: bytes, code: str) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.xlsx", content)
    assert error.value.code == code


def test_a_cell_of_blanks_is_gone_through_once() -> None:
    hostile = b"<c><f>1</f>" + b" " * 400_000 + b"<w>2</w></c>"
    assert _UNCOMPUTED.search(hostile) is None  # a quadratic search would take hours
    assert _UNCOMPUTED.search(b"<c><f>A1</f> <v/> </c>")
    assert _UNCOMPUTED.search(b"<c><f>A1</f></c>")
    assert _UNCOMPUTED.search(b'<c><f t="shared"/></c>')
    assert _UNCOMPUTED.search(b"<c><f>A1</f><v>3</v></c>") is None


def test_a_cell_far_out_does_not_fill_its_row_up(read: Read) -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 3000))
    xml = f'<worksheet {MAIN}><sheetData>{rows}<row><c r="A3000"><v>7</v></c></row></sheetData>'
    extraction = read("a.xlsx", with_sheet(f"{xml}</worksheet>"))
    assert extraction.text == "Sales\n\n7"
    assert "only its first 1024 columns" in extraction.warnings[0]


@pytest.mark.parametrize("code", ["[" * 100_000, "[$-" * 100_000, "0" * 100_000, "\\" * 100_000])
def test_formats_longer_than_any_program_takes_are_not_followed(read: Read, code: str) -> None:
    book = workbook([1234.5])
    book.active["A1"].number_format = f"{code}0"
    assert read("a.xlsx", saved(book)).text == "Sales\n\n1234.5"


def test_a_part_that_is_named_many_times_is_read_once(read: Read) -> None:
    book = workbook(["cell"])
    book.active["A1"].comment = Comment("remark", "Ann")

    def change(name: str, data: bytes) -> bytes:
        if name == "xl/workbook.xml":
            sheet = re.findall(rb"<sheet [^>]*/>", data)[0]
            again = (sheet.replace(b"Sales", b"S%d" % n) for n in range(20))
            return data.replace(sheet, sheet + b"".join(again))
        if name == "xl/worksheets/_rels/sheet1.xml.rels":
            first = data.index(b"<Relationship ")
            return data[:first] + data[first : data.index(b"</Relationships>")] * 20 + data[first:]
        return data

    text = read("a.xlsx", with_parts(saved(book), change)).text
    assert text.count("cell") == 1
    assert text.count("remark") == 1


def test_a_sheet_that_does_not_tell_its_size_is_read(read: Read) -> None:
    data = with_parts(
        saved(workbook(["a", "b"])),
        lambda _, data: re.sub(rb"<dimension [^>]*>", b"", data),
    )
    assert read("a.xlsx", data).text == "Sales\n\n| a | b |\n| --- | --- |"
