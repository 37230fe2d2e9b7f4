"""PDF: pages that are pictures, read by OCR; which pages those are, and what is noted of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest

from prismd.domain import Box, PageLocator
from prismd.errors import ExtractError
from prismd.layout import line_index, locate
from tests.extract.pdf.conftest import Read
from tests.extract.pdf.scans import (
    HEIGHT,
    SCANNED,
    TYPED,
    WIDTH,
    grey,
    make,
    pages,
    pymupdf,
    scan,
    together,
    typed,
)


def test_scanned_pages_between_others_are_read_in_their_places(read_pdf: Read) -> None:
    extraction = read_pdf(make(typed(), scan(), typed("The end of it."), scan(["A last page."])))
    assert pages(extraction) == [
        (TYPED, ""),
        (" ".join(SCANNED), "read by OCR: no text layer"),
        ("The end of it.", ""),
        ("A last page.", "read by OCR: no text layer"),
    ]
    assert extraction.engines["ocr"].startswith("tesseract")
    assert extraction.warnings == ()


def test_a_document_with_text_on_all_pages_wants_no_ocr(read_pdf: Read) -> None:
    assert read_pdf(make(typed())).engines == {}
    assert read_pdf(make(typed(), lambda page: None)).engines == {}


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("rotation", [0, 90])
def test_boxes_are_where_the_words_stand_on_the_page_as_displayed(
    read_pdf: Read, turn: int, rotation: int
) -> None:
    data = make(scan(turn=turn), rotation=rotation)
    extraction = read_pdf(data)
    assert pages(extraction)[0][0] == " ".join(SCANNED)
    start = extraction.text.index("First")
    found = locate(extraction.layout, line_index(extraction.text), start, start + 5)
    everything = locate(extraction.layout, line_index(extraction.text), 0, len(extraction.text))
    assert isinstance(found, PageLocator)
    assert isinstance(everything, PageLocator)
    with pypdfium2.PdfDocument(data) as document:
        shown = document[0].render(scale=4).to_numpy()[:, :, :3].min(axis=2) < 100
    assert (found.width_pt * 4, found.height_pt * 4) == pytest.approx(shown.shape[::-1], abs=4)
    assert ink(shown, found.boxes) > 100
    assert shown.sum() - ink(shown, everything.boxes) == 0


def ink(shown: Any, boxes: Sequence[Box]) -> int:
    """How much of the page's ink lies in boxes."""
    inside = np.zeros_like(shown)
    for x0, y0, x1, y1 in boxes:
        inside[int(y0 * 4) - 4 : int(y1 * 4) + 4, int(x0 * 4) - 4 : int(x1 * 4) + 4] = True
    return int((shown & inside).sum())


def test_a_header_on_a_scanned_page_is_not_read_twice(read_pdf: Read) -> None:
    extraction = read_pdf(make(together(scan(), typed("Copy of the archive, 12 May", y=40))))
    ((text, note),) = pages(extraction)
    assert text == "Copy of the archive, 12 May " + " ".join(SCANNED)
    assert note == "read by OCR: a picture covers the page"


NOTICE = "\n".join(
    [f"Copied for line {n} of the archive; not to be passed on. " * 3 for n in "abc"]
)


def test_a_scan_above_a_long_notice_is_read(read_pdf: Read) -> None:
    def notice(page: Any) -> None:
        page.insert_text((20, 280), NOTICE, fontsize=4)

    def watermark(page: Any) -> None:
        middle = pymupdf.Point(80, 250)
        turn = pymupdf.Matrix(1, 1).prerotate(35)
        page.insert_text(middle, "COPY", fontsize=110, fill_opacity=0.1, morph=(middle, turn))

    assert len(NOTICE) > 400
    for marks in (notice, together(notice, watermark)):
        ((text, note),) = pages(read_pdf(make(together(scan(), marks))))
        assert " ".join(SCANNED) in text
        assert text.count("line a of the archive") == 3
        assert note == "read by OCR: a picture covers the page"


def test_a_text_before_a_picture_is_read_without_ocr(read_pdf: Read) -> None:
    text = "\n".join([f"Sentence {n} of a slide, before a picture." for n in range(8)])
    extraction = read_pdf(make(together(scan(), typed(text, y=40))))
    assert pages(extraction) == [(" ".join(text.split()), "")]
    assert extraction.engines == {}


def test_a_watermark_hides_nothing_of_the_page(read_pdf: Read) -> None:
    def stamp(page: Any) -> None:
        middle = pymupdf.Point(80, 250)
        turn = pymupdf.Matrix(1, 1).prerotate(35)
        page.insert_text(middle, "DRAFT", fontsize=110, fill_opacity=0.1, morph=(middle, turn))

    ((text, _),) = pages(read_pdf(make(together(scan(), stamp))))
    assert " ".join(SCANNED) in text
    assert "DRAFT" in text


def test_a_picture_without_text_behind_a_text_changes_nothing(read_pdf: Read) -> None:
    assert pages(read_pdf(make(together(grey, typed())))) == [(TYPED, "")]


def test_the_layer_of_another_ocr_program_is_taken_as_it_is(read_pdf: Read) -> None:
    data = make(together(scan(), typed("What another program read.", way=3)))
    extraction = read_pdf(data)
    assert pages(extraction) == [("What another program read.", "")]
    assert extraction.engines == {}


def test_a_layer_that_says_nothing_is_read_from_the_picture(read_pdf: Read) -> None:
    extraction = read_pdf(make(together(scan(), typed('"#%&* +/$', way=3), typed("~^=<>"))))
    ((text, note),) = pages(extraction)
    assert text == " ".join(SCANNED)
    assert note.startswith("read by OCR: its text layer is unreadable")


def test_text_that_is_drawn_as_shapes_is_read(read_pdf: Read) -> None:
    def shapes(page: Any) -> None:
        with pymupdf.open() as other:
            other.new_page(width=WIDTH, height=HEIGHT)
            other[0].insert_text((40, 100), "Letters without any font", fontsize=20)
            drawing = other[0].get_svg_image(text_as_path=True)
        with pymupdf.open("svg", drawing.encode()) as svg:
            outlines = pymupdf.open("pdf", svg.convert_to_pdf())
        page.show_pdf_page(page.rect, outlines, 0)

    assert pages(read_pdf(make(shapes))) == [
        ("Letters without any font", "read by OCR: no text layer")
    ]


def test_large_letters_of_a_scan_are_no_heading(read_pdf: Read) -> None:
    extraction = read_pdf(make(*[typed(f"{TYPED} {n}") for n in range(3)], scan(["Scanned line"])))
    assert {block.kind for block in extraction.blocks} == {"paragraph"}


def test_a_scan_without_text_says_so(read_pdf: Read) -> None:
    with pytest.raises(ExtractError, match="OCR finds no text") as error:
        read_pdf(make(grey))
    assert (error.value.code, error.value.skip) == ("no_text", True)
    extraction = read_pdf(make(typed(), grey))
    assert pages(extraction)[1] == ("", "no text found by OCR")


def test_a_scan_that_ocr_gives_up_on_is_not_said_to_have_no_text(
    read_pdf: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_pdf(make(scan(["One"])))  # what is installed is looked up once
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ExtractError, match="OCR gave up on them"):
        read_pdf(make(scan(), lambda page: None))
    assert [note for _, note in pages(read_pdf(make(typed(), scan())))] == [
        "",
        "not read: Tesseract fails",
    ]


def test_pages_beyond_the_limit_are_left_out_with_a_warning(read_pdf: Read) -> None:
    extraction = read_pdf(make(*[scan()] * 4), max_chars=100)
    assert "pages that are pictures are left out" in extraction.warnings[0]
    assert [bool(text) for text, _ in pages(extraction)] == [True, False, False, False]


def test_switched_off_it_is_said_where_to_switch_it_on(read_pdf: Read) -> None:
    extraction = read_pdf(make(typed(), scan(), lambda page: None), ocr=False)
    assert [note for _, note in pages(extraction)] == ["", "not read: no text layer", "no text"]
    assert extraction.warnings[0].startswith("page 2: not read as pictures")
    assert "ocr = true" in extraction.warnings[0]
    assert extraction.engines == {}
    with pytest.raises(ExtractError, match="ocr = true"):
        read_pdf(make(scan()), ocr=False)


def test_a_missing_language_is_told_once_with_the_pages(read_pdf: Read) -> None:
    extraction = read_pdf(make(scan(), typed(), scan()), ocr_languages=("xyz", "eng"))
    (warning,) = extraction.warnings
    assert warning.startswith("pages 1, 3: ")
    assert "xyz" in warning


def test_the_same_bytes_give_the_same_extraction(read_pdf: Read) -> None:
    data = make(scan(), typed(), scan(turn=90))
    assert read_pdf(data) == read_pdf(data)


WITHOUT = """
import json, sys
from pathlib import Path
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.pdf.extractor import PdfExtractor
try:
    made = PdfExtractor().extract(Path(sys.argv[1]), "application/pdf", ExtractOptions())
    print(json.dumps([made.engines, [p.note for p in made.layout.pages], *made.warnings]))
except ExtractError as error:
    print(json.dumps([error.code, error.skip, str(error)]))
"""


def without_tesseract(folder: Path, data: bytes) -> list[Any]:
    path = folder / "a.pdf"
    path.write_bytes(data)
    made = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(path)],
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        check=True,
        text=True,
    )
    found: list[Any] = json.loads(made.stdout)
    return found


def test_without_tesseract_the_rest_is_read_and_the_remedy_is_told(tmp_path: Path) -> None:
    engines, notes, warning = without_tesseract(tmp_path, make(typed(), scan(), lambda page: None))
    assert engines == {"ocr": ""}
    assert notes == ["", "not read: no text layer", "no text"]
    assert "page 2" in warning
    assert "prismd reindex --stale" in warning


def test_without_tesseract_a_scan_is_skipped_with_the_remedy(tmp_path: Path) -> None:
    code, skip, message = without_tesseract(tmp_path, make(scan()))
    assert (code, skip) == ("no_ocr", True)
    assert "tesseract-ocr" in message
    assert "prismd reindex --stale" in message
