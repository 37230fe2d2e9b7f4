"""PDF: the words of the page, where they stand, and what they are."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf as _pymupdf
import pypdfium2
import pytest

from prismd.domain import Extraction, PageLocator
from prismd.errors import EncryptedDocument, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.pdf.about import cause
from prismd.extract.pdf.extractor import PdfExtractor
from prismd.extract.pool import ExtractPool
from prismd.layout import line_index, locate, unpack

pymupdf: Any = _pymupdf  # It is typed in part only.

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]
Draw = Callable[[Any], None]


def make(*pages: Draw, save: dict[str, Any] | None = None, **metadata: str) -> bytes:
    with pymupdf.open() as document:
        for draw in pages:
            draw(document.new_page(width=612, height=792))
        document.set_metadata(metadata)
        return bytes(document.tobytes(**(save or {})))


def lines(*texts: str, x: float = 72, y: float = 100, size: float = 11) -> Draw:
    def draw(page: Any) -> None:
        for n, text in enumerate(texts):
            page.insert_text((x, y + n * 1.3 * size), text, fontsize=size)

    return draw


def together(*draws: Draw) -> Draw:
    def draw(page: Any) -> None:
        for each in draws:
            each(page)

    return draw


def box_of(extraction: Extraction, quote: str) -> PageLocator:
    start = extraction.text.index(quote)
    found = locate(extraction.layout, line_index(extraction.text), start, start + len(quote))
    assert isinstance(found, PageLocator)
    return found


BODY = ("Some plain body text in a size that most of", "the document is set in, line by line.")


def test_pages_follow_each_other_and_words_locate_to_their_page(read: Read) -> None:
    extraction = read("a.pdf", make(lines("First page here."), lines("Second page here.")))
    assert extraction.text == "First page here.\n\nSecond page here."
    pages = extraction.layout.pages
    assert [(p.number, p.char_start, p.char_end, p.width, p.height) for p in pages] == [
        (1, 0, 16, 612, 792),
        (2, 18, 35, 612, 792),
    ]
    assert extraction.metadata["pages"] == "2"
    found = box_of(extraction, "Second page")
    assert found.page == 2
    (box,) = found.boxes
    assert box[0] == pytest.approx(72, abs=1)
    assert box[1] < 100 < box[3] < 105


def test_every_word_of_the_text_has_its_span(read: Read) -> None:
    extraction = read("a.pdf", make(together(lines(*BODY), lines("More words.", y=200))))
    spans = unpack(extraction.layout)
    text = extraction.text
    words = [text[a:b] for a, b in zip(spans.starts, spans.ends, strict=True)]
    assert words == text.split()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_are_those_of_the_page_as_it_is_shown(read: Read, rotation: int) -> None:
    def draw(page: Any) -> None:
        page.insert_text((100, 300), "alpha beta", fontsize=20)
        page.draw_rect(pymupdf.Rect(400, 500, 420, 520), fill=(0, 0, 0))
        page.set_rotation(rotation)

    data = make(draw)
    extraction = read("a.pdf", data)
    (page,) = extraction.layout.pages
    assert (page.width, page.height) == ((612, 792) if rotation % 180 == 0 else (792, 612))
    # Another library draws the page as it is shown: the text's ink lies in the boxes.
    with pypdfium2.PdfDocument(data) as document:
        shown = document[0].render(scale=1).to_numpy()[:, :, :3].min(axis=2)
    assert shown.shape == (math.ceil(page.height), math.ceil(page.width))
    for x0, y0, x1, y1 in box_of(extraction, "alpha beta").boxes:
        inside = shown[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)]
        assert (inside < 128).any()
        inside[:] = 255
    # What is left is the rectangle that is no text.
    assert 350 < (shown < 128).sum() < 500


def test_text_outside_of_the_crop_box_is_not_on_the_page(read: Read) -> None:
    def draw(page: Any) -> None:
        together(lines("Inside of it.", x=200, y=300), lines("Outside.", x=10, y=20))(page)
        page.set_cropbox(pymupdf.Rect(100, 100, 500, 700))

    extraction = read("a.pdf", make(draw))
    assert extraction.text == "Inside of it."
    found = box_of(extraction, "Inside")
    assert (found.width_pt, found.height_pt) == (400, 600)
    assert found.boxes[0][0] == pytest.approx(100, abs=1)


def test_two_columns_are_read_one_after_the_other(read: Read) -> None:
    left = [f"left line number {n} of the column" for n in range(5)]
    right = [f"right line number {n} of the column" for n in range(5)]
    extraction = read("a.pdf", make(together(lines(*left), lines(*right, x=330))))
    assert extraction.text.split() == " ".join(left + right).split()


def test_a_page_drawn_from_the_bottom_is_read_from_the_top(read: Read) -> None:
    parts = [lines(f"Paragraph {n} of the page.", y=100 + 60 * n) for n in range(8)]
    extraction = read("a.pdf", make(together(*reversed(parts))))
    assert extraction.text.split("\n\n") == [f"Paragraph {n} of the page." for n in range(8)]


def test_headings_are_what_is_larger_or_bold(read: Read, outline: Outline) -> None:
    def draw(page: Any) -> None:
        lines("The Report", size=24, y=80)(page)
        lines("Part one", size=16, y=130)(page)
        lines(*BODY, y=160)(page)
        page.insert_text((72, 220), "A bold line", fontsize=11, fontname="hebo")
        lines(*BODY, y=250)(page)

    extraction = read("a.pdf", make(draw))
    body = "\n".join(BODY)
    assert extraction.title == "The Report"
    assert outline(extraction) == [
        ("heading", "", "The Report"),
        ("heading", "The Report", "Part one"),
        ("paragraph", "The Report > Part one", body),
        ("heading", "The Report > Part one", "A bold line"),
        ("paragraph", "The Report > Part one > A bold line", body),
    ]


def test_the_files_own_contents_say_what_is_a_heading(read: Read, outline: Outline) -> None:
    titles = ["Alpha part", "Beta part", "Gamma part"]
    draws = [together(lines(title, y=80), lines(*BODY, y=140)) for title in titles]
    with pymupdf.open("pdf", make(*draws)) as document:
        document.set_toc([[1, titles[0], 1], [2, titles[1], 2], [1, titles[2], 3]])
        data = document.tobytes()
    found = [(path, text) for kind, path, text in outline(read("a.pdf", data)) if kind == "heading"]
    assert found == [("", titles[0]), (titles[0], titles[1]), ("", titles[2])]


def test_a_table_is_a_block_with_tabs_between_its_cells(read: Read, outline: Outline) -> None:
    rows = [("Revenue", "$ 13,507", "$ 6,704"), ("Cost", "4,045", "3,789"), ("Profit", "9", "2")]

    def draw(page: Any) -> None:
        lines(*BODY, y=80)(page)
        for n, row in enumerate(rows):
            for m, cell in enumerate(row):
                page.insert_text((72 + 180 * m, 200 + 16 * n), cell, fontsize=11)

    extraction = read("a.pdf", make(draw))
    table = "\n".join("\t".join(row) for row in rows)
    assert outline(extraction)[-1] == ("table", "", table)
    x0, y0, _, y1 = box_of(extraction, "3,789").boxes[0]
    assert x0 == pytest.approx(432, abs=1)
    assert y0 < 216 < y1


def test_bold_heads_of_columns_are_no_headings(read: Read, outline: Outline) -> None:
    def draw(page: Any) -> None:
        page.insert_text((72, 100), "The heading of it", fontsize=11, fontname="hebo")
        lines(*BODY, y=130)(page)
        page.insert_text((260, 180), "Cost", fontsize=11, fontname="hebo")
        for n in range(4):
            for x, cell in ((72, "Item"), (260, "4,045"), (440, "3,789")):
                page.insert_text((x, 200 + 16 * n), cell, fontsize=11)

    headings = [text for kind, _, text in outline(read("a.pdf", make(draw))) if kind == "heading"]
    assert headings == ["The heading of it"]


def test_a_heading_inside_of_a_block_is_found(read: Read, outline: Outline) -> None:
    def draw(page: Any) -> None:
        lines(*BODY, y=100)(page)
        page.insert_text((72, 129), "2. Next part", fontsize=11, fontname="hebo")
        lines(*BODY, y=144)(page)

    assert [(kind, path) for kind, path, _ in outline(read("a.pdf", make(draw)))] == [
        ("paragraph", ""),
        ("heading", ""),
        ("paragraph", "2. Next part"),
    ]


def test_running_headers_are_indexed_once_and_stay_in_the_text(read: Read) -> None:
    draws = [
        together(lines(f"The Company Report {n}", y=30), lines(f"Page {n} body.", y=300))
        for n in range(1, 6)
    ]
    extraction = read("a.pdf", make(*draws))
    assert extraction.text.count("The Company Report") == 5
    indexed = [extraction.text[b.start : b.end] for b in extraction.blocks]
    assert sum("The Company Report" in text for text in indexed) == 1
    assert sum("body." in text for text in indexed) == 5


def test_headers_whose_numbers_are_not_the_pages_are_all_indexed(read: Read) -> None:
    numbers = [37, 211, 212, 640, 641, 1092]
    draws = [
        together(lines(f"Invoice No. {n}", y=30), lines(f"Body of {n}.", y=300)) for n in numbers
    ]
    extraction = read("a.pdf", make(*draws))
    indexed = " ".join(extraction.text[b.start : b.end] for b in extraction.blocks)
    assert all(f"Invoice No. {n}" in indexed for n in numbers)


def test_page_numbers_that_begin_anywhere_are_indexed_once(read: Read) -> None:
    draws = [
        together(lines(f"Annual report, {n} of 99", y=30), lines(f"Body {n}.", y=300))
        for n in range(41, 47)
    ]
    extraction = read("a.pdf", make(*draws))
    indexed = [extraction.text[b.start : b.end] for b in extraction.blocks]
    assert sum("Annual report" in text for text in indexed) == 1


def test_another_library_finds_the_text_word_for_word(read: Read) -> None:
    texts = (
        "Office workflow: efficient affairs, naïve façade.",
        "A second sentence, hy-",
        "phened.",
    )
    data = make(lines(*texts))
    extraction = read("a.pdf", data)
    with pypdfium2.PdfDocument(data) as document:
        other = document[0].get_textpage().get_text_range()
    assert extraction.text.split("\n")[0] in other
    assert extraction.text == "\n".join(texts)


def test_metadata_and_language(read: Read) -> None:
    data = make(
        lines(*BODY),
        title="A Title",
        author="Ann",
        subject="S",
        creationDate="D:20240229101112+01'00'",
    )
    extraction = read("a.pdf", data)
    assert extraction.title == "A Title"
    assert extraction.metadata == {
        "author": "Ann",
        "subject": "S",
        "created": "2024-02-29T10:11:12",
        "pages": "1",
    }


def test_a_title_that_is_a_file_name_is_none(read: Read) -> None:
    data = make(
        together(lines("Real title", size=24, y=60), lines(*BODY)),
        title="Microsoft Word - draft7.doc",
    )
    assert read("a.pdf", data).title == "Real title"


def test_a_page_with_nothing_on_it_is_noted(read: Read) -> None:
    extraction = read("a.pdf", make(lines(*BODY), lambda page: None, lines("End.")))
    assert [page.note for page in extraction.layout.pages] == ["", "no text", ""]
    assert [p.char_start == p.char_end for p in extraction.layout.pages] == [0, 1, 0]


def test_a_pdf_of_blank_pages_says_so(read: Read) -> None:
    with pytest.raises(ExtractError, match="no text on any of its pages") as error:
        read("a.pdf", make(lambda page: None))
    assert error.value.code == "no_text"
    assert error.value.skip


def test_a_password_before_the_text_is_told(read: Read) -> None:
    save = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": "u", "owner_pw": "o"}
    with pytest.raises(EncryptedDocument, match="without a password"):
        read("a.pdf", make(lines(*BODY), save=save))


def test_encryption_that_anybody_may_open_is_none(read: Read) -> None:
    save = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "owner_pw": "o"}
    assert read("a.pdf", make(lines("Open."), save=save)).text == "Open."


def test_a_damaged_file_is_repaired_with_a_warning(read: Read) -> None:
    data = make(lines("Still here."))
    extraction = read("a.pdf", data[: data.rindex(b"xref")])
    assert extraction.text == "Still here."
    assert "damaged" in extraction.warnings[0]


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.4\n\x00\xff garbage" * 20])
def test_a_broken_file_is_broken_and_does_not_name_its_path(
    read: Read, tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(ExtractError, match="not a readable PDF") as error:
        read("a.pdf", content)
    assert error.value.code == "broken"
    assert "/" not in str(error.value)


def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.pdf")
    path.write_bytes(make(lines("Still read.")))
    found = PdfExtractor().extract(path, "application/pdf", ExtractOptions())
    assert found.text == "Still read."


def test_a_file_is_not_to_blame_for_want_of_memory(tmp_path: Path) -> None:
    """A form in a form in a form, each ten times: a text of a hundred million letters."""
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((72, 100), "Ten times ten times ten.", fontsize=2)
        form = document.tobytes()
    for _ in range(7):
        with pymupdf.open("pdf", form) as inner, pymupdf.open() as document:
            page = document.new_page()
            for n in range(10):
                page.show_pdf_page(pymupdf.Rect(n, 0, 595, 842), inner, 0)
            form = document.tobytes()
    path = tmp_path / "a.pdf"
    path.write_bytes(form)
    pool = ExtractPool(1, deadline_s=60, memory_bytes=600 << 20)
    try:
        with pytest.raises(ExtractError, match="memory") as error:
            pool.extract(path)
    finally:
        pool.close()
    assert error.value.code == "memory"


@pytest.mark.parametrize(
    "message", ["code=2: calloc (4104 x 1 bytes) failed", "malloc (9 bytes) failed", "bad_alloc"]
)
def test_what_mupdf_says_of_memory_is_understood(message: str) -> None:
    reason = RuntimeError("Failed to open file 'a.pdf' as type pdf.")
    reason.__cause__ = RuntimeError(message)
    for error in (reason, RuntimeError(message)):
        with pytest.raises(MemoryError):
            cause(error)
    assert cause(RuntimeError("code=7: no objects found.")) == "no objects found"
    assert cause(RuntimeError("")) == "damaged beyond repair"


def test_pages_beyond_the_limit_are_left_out_with_a_warning(read: Read) -> None:
    extraction = read("a.pdf", make(*[lines(*BODY)] * 5), max_chars=100)
    assert len(extraction.layout.pages) == 2
    assert "its last 3 pages are left out" in extraction.warnings[0]


def test_the_same_bytes_give_the_same_extraction(read: Read) -> None:
    data = make(together(lines("Title", size=20, y=60), lines(*BODY)), lines(*BODY))
    assert read("a.pdf", data) == read("b.pdf", data)
