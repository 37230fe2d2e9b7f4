"""PDF by PyMuPDF: words with their boxes, page by page; runs in a worker process only.

The text is what the page says, word for word: rows end in a line feed, cells of a row are apart
by a tab, paragraphs by an empty line, and nothing is added, joined or dehyphenated. So a
quotation of it can be found on the page with any other reader.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pymupdf as _pymupdf

from prismd.domain import Block, Box, Extraction, Page
from prismd.errors import EncryptedDocument, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import HeadingPath, cut_warning
from prismd.extract.pdf_heading import Headings, OutlineEntry, Sheet, skeleton
from prismd.extract.pdf_page import Line, Paragraph, Word, around, paragraphs
from prismd.layout import pack

pymupdf: Any = _pymupdf  # It is typed in part only.

_ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)

_FLAGS: int = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
"""Ligatures are taken apart (fi, not U+FB01), hyphens stay, unknown glyphs are U+FFFD."""
_BOLD_FONT = re.compile(r"bold|black|heavy|semibd|demi", re.IGNORECASE)
_BOLD_FLAG = 1 << 4
_GARBAGE = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f\x7f-\x9f]")
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\ufffd")
_GARBAGE_SHARE = 0.4
_NO_TITLE = re.compile(
    r"^(untitled.*|.*\.\w{2,5}|microsoft (word|excel|powerpoint)\b.*|\W*)$", re.I
)
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_ERROR_CODE = re.compile(r"^code=\d+: ")
_MAX_NAMED = 20
_SLANT = 0.1
"""Text within this sine of horizontal counts as upright."""

_NAMED_PAGES = 10


class PdfExtractor:
    """Reads a PDF's text layer; pages without one are noted, for a reader of pictures."""

    version: ClassVar[str] = "pdf-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a PDF; see ``Extractor``."""
        pymupdf.TOOLS.mupdf_display_errors(False)
        pymupdf.TOOLS.mupdf_display_warnings(False)
        with _open(path) as document:
            reader = _Reader(document, options)
            reader.read()
            return reader.extraction()


def _open(path: Path) -> Any:
    try:
        document = pymupdf.open(path, filetype="pdf")
        pages = document.page_count
    except _ERRORS as error:
        # What MuPDF says names the path, and says no more than this.
        raise _broken(_cause(error) or "damaged beyond repair") from error
    # An empty user password opens on its own; anything else stays shut.
    if document.needs_pass and not document.authenticate(""):
        document.close()
        raise EncryptedDocument("encrypted; save it without a password to index it")
    if not document.is_pdf or not pages:
        document.close()
        raise _broken("it has no pages that can be found")
    return document


def _cause(error: Exception) -> str:
    """What went wrong, without MuPDF's numbers; empty where it only says that it did."""
    if "malloc" in str(error):
        raise MemoryError(str(error))
    cause = _ERROR_CODE.sub("", " ".join(str(error).split()))
    return "" if cause.startswith(("Failed to open", "Cannot open")) else cause


def _broken(cause: str) -> ExtractError:
    cause = " ".join(cause.split()).rstrip(".")
    return ExtractError(
        f"not a readable PDF ({cause}); open it in a PDF viewer and save it anew to index it",
        code="broken",
    )


class _Reader:
    """Reads one open document into an extraction."""

    def __init__(self, document: Any, options: ExtractOptions) -> None:
        self._document = document
        self._max_chars = options.max_chars
        self._sheets: list[tuple[Sheet, float, str]] = []
        self._warnings: list[str] = []
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._boxes: list[Box] = []
        self._title = ""

    def read(self) -> None:
        """Read all pages, then write them down with headings known."""
        if self._document.is_repaired:
            self._warnings.append("the file is damaged and was repaired while reading")
        chars = 0
        for index in range(self._document.page_count):
            chars += self._read_page(index)
            if chars > self._max_chars:
                left = self._document.page_count - index - 1
                if left:
                    self._warnings.append(
                        f"{cut_warning(self._max_chars)}; its last {left} pages are left out"
                    )
                break
        if not any(sheet.paragraphs for sheet, _, _ in self._sheets):
            raise self._no_text()
        self._write()

    def extraction(self) -> Extraction:
        """What has been read."""
        metadata = _metadata(self._document)
        title = metadata.pop("title", "")
        return Extraction(
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            layout=pack("page", self._starts, self._ends, self._boxes, self._pages),
            title=title if title and not _NO_TITLE.match(title) else self._title,
            language=_language(self._document),
            metadata=metadata,
            warnings=(*self._warnings, *self._about_pictures()),
        )

    def _about_pictures(self) -> list[str]:
        """What is left out of a file that has some pages of text and some of pictures."""
        numbers = [sheet.number for sheet, _, note in self._sheets if "picture" in note]
        if not numbers:
            return []
        named = ", ".join(map(str, numbers[:_NAMED_PAGES]))
        more = f" and {len(numbers) - _NAMED_PAGES} more" if len(numbers) > _NAMED_PAGES else ""
        return [
            f"page{'s' if len(numbers) > 1 else ''} {named}{more}: no text layer;"
            " what these pictures show cannot be found"
        ]

    def _read_page(self, index: int) -> int:
        number, width, height = index + 1, 0.0, 0.0
        found: list[Paragraph] = []
        try:
            page = self._document.load_page(index)
            width, height = float(page.rect.width), float(page.rect.height)
            lines = list(_lines(page))
            text = "".join(word.text for line in lines for word in line.words)
            if len(_GARBAGE.findall(text)) > _GARBAGE_SHARE * len(text):
                note = "its text layer is unreadable: the fonts do not say which letters they show"
            elif text:
                note, found = "", paragraphs(lines)
            else:
                note = "no text layer; it is a picture" if page.get_images() else "no text"
        except _ERRORS as error:
            note = f"unreadable: {_cause(error)}"
        if note.startswith(("unreadable", "its text")):
            self._warnings.append(f"page {number}: {note}")
        self._sheets.append((Sheet(number, height, tuple(found)), width, note))
        return sum(len(p.text) for p in found)

    def _no_text(self) -> ExtractError:
        notes = {note for _, _, note in self._sheets}
        if any(note.startswith("unreadable") for note in notes):
            return _broken("none of its pages with text can be read")
        if self._document.is_repaired and "no text" in notes:
            return _broken("it is damaged or cut off, and no text is left in it")
        if notes == {"no text"}:
            return ExtractError(
                "there is no text on any of its pages; nothing is to be done",
                code="no_text",
                skip=True,
            )
        cause = (
            "its pages are pictures without a text layer"
            if any("picture" in note for note in notes)
            else "its text layer is unreadable"
        )
        return ExtractError(
            f"{cause}, and this version does not read pictures; "
            "run it through an OCR program to index it",
            code="no_text",
            skip=True,
        )

    def _write(self) -> None:
        sheets = [sheet for sheet, _, _ in self._sheets]
        headings = Headings(sheets, _outline(self._document))
        path = HeadingPath()
        running: set[str] = set()
        for sheet, width, note in self._sheets:
            if sheet.paragraphs and self._parts:
                self._put("\n\n")
            start = self._length
            for n, paragraph in enumerate(sheet.paragraphs):
                if n:
                    self._put("\n\n")
                begin = self._length
                self._write_paragraph(paragraph)
                # A running header is indexed where it stands first, not on every page.
                if headings.is_running(sheet, paragraph):
                    if skeleton(paragraph) in running:
                        continue
                    running.add(skeleton(paragraph))
                self._block(path, headings.level(sheet, paragraph), paragraph, begin)
            self._pages.append(
                Page(sheet.number, start, self._length, width, sheet.height_pt, note)
            )

    def _block(
        self, path: HeadingPath, level: int | None, paragraph: Paragraph, begin: int
    ) -> None:
        if level is None:
            self._blocks.append(Block(begin, self._length, paragraph.kind, path.path))
            return
        above = path.enter(level, paragraph.text)
        self._blocks.append(Block(begin, self._length, "heading", above))
        if not self._title and level == 1:
            self._title = " ".join(paragraph.text.split())

    def _write_paragraph(self, paragraph: Paragraph) -> None:
        for r, row in enumerate(paragraph.rows):
            if r:
                self._put("\n")
            for c, cell in enumerate(row.cells):
                if c:
                    self._put("\t")
                for w, word in enumerate(cell):
                    if w:
                        self._put(" ")
                    self._starts.append(self._length)
                    self._put(word.text)
                    self._ends.append(self._length)
                    self._boxes.append(word.box)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _lines(page: Any) -> Iterator[Line]:
    """The lines of a page, in the order of the file, where they stand on the displayed page."""
    textpage = page.get_textpage(flags=_FLAGS)
    a, b, c, d, e, f = page.rotation_matrix
    width, height = page.rect.width, page.rect.height
    words: dict[tuple[int, int], list[Word]] = {}
    for x0, y0, x1, y1, text, block, line, _ in page.get_text("words", textpage=textpage):
        across = sorted((a * x0 + c * y0 + e, a * x1 + c * y1 + e))
        down = sorted((b * x0 + d * y0 + f, b * x1 + d * y1 + f))
        box = (max(0.0, across[0]), max(0.0, down[0]), min(width, across[1]), min(height, down[1]))
        # What lies outside of the crop box is not on the page that people see.
        if box[0] < box[2] and box[1] < box[3]:
            word = Word(text.translate(_CONTROLS), box)
            words.setdefault((block, line), []).append(word)
    for number, block in enumerate(page.get_text("dict", textpage=textpage)["blocks"]):
        for n, line in enumerate(block.get("lines", ())):
            if not (found := words.get((number, n))):
                continue
            spans = [span for span in line["spans"] if span["text"].strip()] or line["spans"]
            x, y = line["dir"]
            yield Line(
                block=number,
                words=tuple(found),
                size_pt=float(max(spans, key=lambda span: len(span["text"]))["size"]),
                bold=all(map(_is_bold, spans)),
                upright=a * x + c * y > 0 and abs(b * x + d * y) < _SLANT,
                box=around(word.box for word in found),
            )


def _is_bold(span: dict[str, Any]) -> bool:
    return bool(span["flags"] & _BOLD_FLAG or _BOLD_FONT.search(span["font"]))


def _outline(document: Any) -> list[OutlineEntry]:
    with contextlib.suppress(*_ERRORS):
        return [
            OutlineEntry(level, title, page) for level, title, page in document.get_toc(simple=True)
        ]
    return []


def _metadata(document: Any) -> dict[str, str]:
    """What the file says of itself; dates as ISO, empty fields left out."""
    given = document.metadata or {}
    found = {key: _clean(given.get(key)) for key in ("title", "author", "subject", "keywords")}
    found["created"] = _iso_date(given.get("creationDate"))
    found["modified"] = _iso_date(given.get("modDate"))
    found["pages"] = str(document.page_count)
    with contextlib.suppress(*_ERRORS):
        found["attachments"] = ", ".join(map(_clean, document.embfile_names()[:_MAX_NAMED]))
    return {key: value for key, value in found.items() if value}


def _language(document: Any) -> str:
    with contextlib.suppress(*_ERRORS):
        kind, value = document.xref_get_key(document.pdf_catalog(), "Lang")
        if kind == "string":
            return _clean(value)
    return ""


def _clean(value: object) -> str:
    return " ".join(_GARBAGE.sub(" ", str(value or "")).split())


def _iso_date(value: object) -> str:
    """A PDF date as an ISO date with time, as far as it is given."""
    if not (match := _DATE.match(str(value or ""))):
        return ""
    year, month, day, hour, minute, second = match.groups()
    date = "-".join(part for part in (year, month, day) if part)
    return f"{date}T{hour}:{minute}:{second}" if second else date
