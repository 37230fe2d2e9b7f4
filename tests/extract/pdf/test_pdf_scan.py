"""PDF: pages that are pictures, read by OCR; which pages those are, and what is noted of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf as _pymupdf
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from prismd.domain import Box, Extraction, PageLocator
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.ocr.page import OcrBlock, OcrLine, OcrPage, OcrWord
from prismd.extract.ocr.words import turned
from prismd.extract.pdf.extractor import PdfExtractor
from prismd.extract.pdf.page import Word
from prismd.extract.pdf.scan import to_paragraphs
from prismd.extract.pieces import Piece, keeping
from prismd.extract.steps import listening
from prismd.layout import line_index, locate

pymupdf: Any = _pymupdf  # It is typed in part only.

Draw = Callable[[Any], None]

WIDTH, HEIGHT = 420.0, 300.0
SCANNED = (
    "The harbour authority names three",
    "reasons for the delay. First, the new",
    "crane was delivered eleven weeks late.",
)
TYPED = "This page has a text layer with words in it."


def png(lines: Sequence[str] = SCANNED, *, turn: int = 0) -> bytes:
    image = Image.new("L", (1750, 1250), 255)
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((150, 300 + 90 * n), line, 0, ImageFont.load_default(52))
    stream = io.BytesIO()
    image.rotate(-turn, expand=True).save(stream, "PNG")
    return stream.getvalue()


def scan(lines: Sequence[str] = SCANNED, *, turn: int = 0) -> Draw:
    """A page that is a picture of text; ``turn``: how far the sheet was turned when scanned."""
    return lambda page: page.insert_image(page.rect, stream=png(lines, turn=turn))


def typed(text: str = TYPED, *, y: float = 150, way: int = 0) -> Draw:
    return lambda page: page.insert_text((40, y), text, fontsize=10, render_mode=way)


def together(*draws: Draw) -> Draw:
    def draw(page: Any) -> None:
        for each in draws:
            each(page)

    return draw


def grey(page: Any) -> None:
    """A picture that shows no text."""
    noise = np.random.default_rng(3).normal(128, 30, (600, 800)).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((200, 150)).save(stream, "PNG")
    page.insert_image(page.rect, stream=stream.getvalue())


def make(*pages: Draw, rotation: int = 0) -> bytes:
    with pymupdf.open() as document:
        for draw in pages:
            page = document.new_page(width=WIDTH, height=HEIGHT)
            draw(page)
            page.set_rotation(rotation)
        return bytes(document.tobytes())


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Extraction]:
    def read(data: bytes, **options: Any) -> Extraction:
        path = tmp_path / "a.pdf"
        path.write_bytes(data)
        given_options = ExtractOptions(slots_dir=str(tmp_path / "slots"), **options)
        return PdfExtractor().extract(path, "application/pdf", given_options)

    return read


Read = Callable[..., Extraction]


def pages(extraction: Extraction) -> list[tuple[str, str]]:
    """Text and note of each page."""
    return [
        (" ".join(extraction.text[p.char_start : p.char_end].split()), p.note)
        for p in extraction.layout.pages
    ]


def test_scanned_pages_between_others_are_read_in_their_places(read: Read) -> None:
    extraction = read(make(typed(), scan(), typed("The end of it."), scan(["A last page."])))
    assert pages(extraction) == [
        (TYPED, ""),
        (" ".join(SCANNED), "read by OCR: no text layer"),
        ("The end of it.", ""),
        ("A last page.", "read by OCR: no text layer"),
    ]
    assert extraction.engines["ocr"].startswith("tesseract")
    assert extraction.warnings == ()


def test_a_document_with_text_on_all_pages_wants_no_ocr(read: Read) -> None:
    assert read(make(typed())).engines == {}
    assert read(make(typed(), lambda page: None)).engines == {}


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("rotation", [0, 90])
def test_boxes_are_where_the_words_stand_on_the_page_as_displayed(
    read: Read, turn: int, rotation: int
) -> None:
    data = make(scan(turn=turn), rotation=rotation)
    extraction = read(data)
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


def test_a_header_on_a_scanned_page_is_not_read_twice(read: Read) -> None:
    extraction = read(make(together(scan(), typed("Copy of the archive, 12 May", y=40))))
    ((text, note),) = pages(extraction)
    assert text == "Copy of the archive, 12 May " + " ".join(SCANNED)
    assert note == "read by OCR: a picture covers the page"


NOTICE = "\n".join(
    [f"Copied for line {n} of the archive; not to be passed on. " * 3 for n in "abc"]
)


def test_a_scan_above_a_long_notice_is_read(read: Read) -> None:
    def notice(page: Any) -> None:
        page.insert_text((20, 280), NOTICE, fontsize=4)

    def watermark(page: Any) -> None:
        middle = pymupdf.Point(80, 250)
        turn = pymupdf.Matrix(1, 1).prerotate(35)
        page.insert_text(middle, "COPY", fontsize=110, fill_opacity=0.1, morph=(middle, turn))

    assert len(NOTICE) > 400
    for marks in (notice, together(notice, watermark)):
        ((text, note),) = pages(read(make(together(scan(), marks))))
        assert " ".join(SCANNED) in text
        assert text.count("line a of the archive") == 3
        assert note == "read by OCR: a picture covers the page"


def test_a_text_before_a_picture_is_read_without_ocr(read: Read) -> None:
    text = "\n".join([f"Sentence {n} of a slide, before a picture." for n in range(8)])
    extraction = read(make(together(scan(), typed(text, y=40))))
    assert pages(extraction) == [(" ".join(text.split()), "")]
    assert extraction.engines == {}


def test_a_watermark_hides_nothing_of_the_page(read: Read) -> None:
    def stamp(page: Any) -> None:
        middle = pymupdf.Point(80, 250)
        turn = pymupdf.Matrix(1, 1).prerotate(35)
        page.insert_text(middle, "DRAFT", fontsize=110, fill_opacity=0.1, morph=(middle, turn))

    ((text, _),) = pages(read(make(together(scan(), stamp))))
    assert " ".join(SCANNED) in text
    assert "DRAFT" in text


def test_a_picture_without_text_behind_a_text_changes_nothing(read: Read) -> None:
    assert pages(read(make(together(grey, typed())))) == [(TYPED, "")]


def test_the_layer_of_another_ocr_program_is_taken_as_it_is(read: Read) -> None:
    data = make(together(scan(), typed("What another program read.", way=3)))
    extraction = read(data)
    assert pages(extraction) == [("What another program read.", "")]
    assert extraction.engines == {}


def test_a_layer_that_says_nothing_is_read_from_the_picture(read: Read) -> None:
    extraction = read(make(together(scan(), typed('"#%&* +/$', way=3), typed("~^=<>"))))
    ((text, note),) = pages(extraction)
    assert text == " ".join(SCANNED)
    assert note.startswith("read by OCR: its text layer is unreadable")


def test_text_that_is_drawn_as_shapes_is_read(read: Read) -> None:
    def shapes(page: Any) -> None:
        with pymupdf.open() as other:
            other.new_page(width=WIDTH, height=HEIGHT)
            other[0].insert_text((40, 100), "Letters without any font", fontsize=20)
            drawing = other[0].get_svg_image(text_as_path=True)
        with pymupdf.open("svg", drawing.encode()) as svg:
            outlines = pymupdf.open("pdf", svg.convert_to_pdf())
        page.show_pdf_page(page.rect, outlines, 0)

    assert pages(read(make(shapes))) == [("Letters without any font", "read by OCR: no text layer")]


def test_large_letters_of_a_scan_are_no_heading(read: Read) -> None:
    extraction = read(make(*[typed(f"{TYPED} {n}") for n in range(3)], scan(["Scanned line"])))
    assert {block.kind for block in extraction.blocks} == {"paragraph"}


def test_a_scan_without_text_says_so(read: Read) -> None:
    with pytest.raises(ExtractError, match="OCR finds no text") as error:
        read(make(grey))
    assert (error.value.code, error.value.skip) == ("no_text", True)
    extraction = read(make(typed(), grey))
    assert pages(extraction)[1] == ("", "no text found by OCR")


def test_a_scan_that_ocr_gives_up_on_is_not_said_to_have_no_text(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(make(scan(["One"])))  # what is installed is looked up once
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ExtractError, match="OCR gave up on them"):
        read(make(scan(), lambda page: None))
    assert [note for _, note in pages(read(make(typed(), scan())))] == [
        "",
        "not read: Tesseract fails",
    ]


def test_each_page_that_is_read_is_a_step(read: Read) -> None:
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))):
        read(make(scan(["One"]), typed(), scan(["Two"]), scan(["Three"])))
    layers = [(0, 4), (1, 4), (1, 4), (1, 4)]
    assert steps == [*layers, (1, 4), (2, 4), (3, 4), (4, 4)]


def test_without_ocr_each_page_is_a_step_too(read: Read) -> None:
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))):
        read(make(typed(), scan(), typed(), scan()), ocr=False)
    assert steps == [(1, 4), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4)]


def keep(into: list[Piece], known: Sequence[Piece] = ()) -> AbstractContextManager[None]:
    return keeping(known, into.append)


def test_pages_that_are_known_are_not_read_again_and_the_outcome_is_the_same(
    read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = make(
        scan(["One"]),
        typed(),
        scan(turn=90),
        together(
            typed(y=20),
            lambda page: page.insert_image(pymupdf.Rect(0, 60, WIDTH, HEIGHT), stream=png()),
        ),
        lambda page: None,
    )
    told: list[Piece] = []
    with keep(told):
        whole = read(path)
    assert sorted(piece.number for piece in told) == [0, 2, 3, 4]
    for known in (told[:1], told[1:3], told):
        again: list[Piece] = []
        with keep(again, known):
            assert read(path) == whole
        assert len(again) == len(told) - len(known)
    broken_engine = tmp_path / "tesseract"
    broken_engine.write_text("#!/bin/sh\nexit 1\n")
    broken_engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with keep([], told):
        assert read(path) == whole, "no page was read"


def test_pages_read_in_other_languages_are_read_again(read: Read) -> None:
    path = make(scan(["One"]), scan(["Two"]))
    told: list[Piece] = []
    with keep(told):
        read(path)
    again: list[Piece] = []
    with keep(again, told):
        read(path, ocr_languages=("eng",))
    assert sorted(piece.number for piece in again) == [0, 1]
    assert {piece.reader for piece in told}.isdisjoint(piece.reader for piece in again)


def test_a_scan_that_goes_on_shows_at_once_how_far_it_was(read: Read) -> None:
    path = make(*[scan(["One"])] * 4)
    told: list[Piece] = []
    with keep(told):
        read(path)
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))), keep([], told[:2]):
        read(path)
    assert steps == [(2, 4)] * 7 + [(3, 4), (4, 4)]


def test_pages_beyond_the_limit_are_left_out_with_a_warning(read: Read) -> None:
    extraction = read(make(*[scan()] * 4), max_chars=100)
    assert "pages that are pictures are left out" in extraction.warnings[0]
    assert [bool(text) for text, _ in pages(extraction)] == [True, False, False, False]


def test_switched_off_it_is_said_where_to_switch_it_on(read: Read) -> None:
    extraction = read(make(typed(), scan(), lambda page: None), ocr=False)
    assert [note for _, note in pages(extraction)] == ["", "not read: no text layer", "no text"]
    assert extraction.warnings[0].startswith("page 2: not read as pictures")
    assert "ocr = true" in extraction.warnings[0]
    assert extraction.engines == {}
    with pytest.raises(ExtractError, match="ocr = true"):
        read(make(scan()), ocr=False)


def test_a_missing_language_is_told_once_with_the_pages(read: Read) -> None:
    extraction = read(make(scan(), typed(), scan()), ocr_languages=("xyz", "eng"))
    (warning,) = extraction.warnings
    assert warning.startswith("pages 1, 3: ")
    assert "xyz" in warning


def test_the_same_bytes_give_the_same_extraction(read: Read) -> None:
    data = make(scan(), typed(), scan(turn=90))
    assert read(data) == read(data)


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


def found_page(turn: int) -> OcrPage:
    """Two lines of words at known places, as OCR finds them on a page that lies on its side."""
    size = (1000.0, 600.0)
    lines = []
    for row in range(2):
        words = [
            OcrWord(
                f"w{row}{n}",
                turned((50 + 90 * n, 60 + 40 * row, 120 + 90 * n, 90 + 40 * row), turn, *size),
                95,
            )
            for n in range(5)
        ]
        lines.append(OcrLine(tuple(words), words[0].box))
    width, height = (1000, 600) if turn % 180 == 0 else (600, 1000)
    return OcrPage((OcrBlock(tuple(lines)),), width, height, rotation=-turn % 360)


@given(st.sampled_from([0, 90, 180, 270]), st.floats(0.05, 5))
def test_words_keep_their_places_whichever_way_up(turn: int, scale: float) -> None:
    page = found_page(turn)
    width, height = page.width_px * scale, page.height_px * scale
    (paragraph,) = to_paragraphs(page, (width, height))
    assert paragraph.text == "w00 w01 w02 w03 w04\nw10 w11 w12 w13 w14"
    across, down = width / page.width_px, height / page.height_px
    for line, row in zip(page.blocks[0].lines, paragraph.rows, strict=True):
        for word, made in zip(line.words, row.cells[0], strict=True):
            x0, y0, x1, y1 = word.box
            assert made.box == pytest.approx((x0 * across, y0 * down, x1 * across, y1 * down))


def test_known_words_are_left_out() -> None:
    page = found_page(0)
    known = [Word(word.text, word.box) for word in page.blocks[0].lines[0].words]
    (paragraph,) = to_paragraphs(page, (1000, 600), known)
    assert paragraph.text == "w10 w11 w12 w13 w14"
    assert to_paragraphs(OcrPage((), 100, 100), (1000, 600), known) == []
