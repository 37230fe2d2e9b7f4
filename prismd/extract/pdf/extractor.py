"""PDF by PyMuPDF: words with their boxes, page by page; runs in a worker process only.

Each page is read by its text layer where it has one that can be trusted, else by OCR.

The text is what the page says, word for word: rows end in a line feed, cells of a row are apart
by a tab, paragraphs by an empty line, and nothing is added, joined or dehyphenated. So a
quotation of it can be found on the page with any other reader.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pymupdf as _pymupdf

from prismd.domain import Block, Box, Extraction, Page
from prismd.errors import NO_OCR, NO_TEXT, EncryptedDocument, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import HeadingPath, cut_warning
from prismd.extract.ocr.reader import available, settings
from prismd.extract.pdf.about import ERRORS, cause, language, metadata, outline
from prismd.extract.pdf.heading import Headings, Running, Sheet
from prismd.extract.pdf.layer import (
    COVERED,
    NO_LAYER,
    UNREADABLE,
    WORDLESS,
    read_layer,
)
from prismd.extract.pdf.opening import opened
from prismd.extract.pdf.page import Line, Paragraph, paragraphs
from prismd.extract.pdf.scan import Scan, is_blank, read_scans
from prismd.extract.pieces import Pieces, is_going_on, pieces
from prismd.extract.steps import step
from prismd.layout import pack

pymupdf: Any = _pymupdf  # It is typed in part only.

_NO_TITLE = re.compile(
    r"^(untitled.*|.*\.\w{2,5}|microsoft (word|excel|powerpoint)\b.*|\W*)$", re.I
)
_NAMED_PAGES = 10

_NO_ENGINE = (
    "Tesseract, which reads pictures, is not installed; install it (apt install tesseract-ocr, "
    "brew install tesseract), then run `prismd reindex --stale`"
)
_SWITCHED_OFF = (
    "reading pictures is switched off; set ocr = true under [index], "
    "then run `prismd reindex --stale`"
)


class PdfExtractor:
    """Reads a PDF: text layers as they are, pages without a usable one as pictures."""

    version: ClassVar[str] = "pdf-4"

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
        document = opened(path)
        pages = document.page_count
    except ERRORS as error:
        raise _broken(cause(error)) from error
    # An empty user password opens on its own; anything else stays shut.
    if document.needs_pass and not document.authenticate(""):
        document.close()
        raise EncryptedDocument("encrypted; save it without a password to index it")
    if not document.is_pdf or not pages:
        document.close()
        raise _broken("it has no pages that can be found")
    return document


def _broken(reason: str) -> ExtractError:
    return ExtractError(
        f"not a readable PDF ({reason}); open it in a PDF viewer and save it anew to index it",
        code="broken",
    )


def _without_text(message: str, code: str = NO_TEXT) -> ExtractError:
    return ExtractError(message, code=code, skip=True)


def _named(pages: Sequence[int]) -> str:
    named = ", ".join(map(str, pages[:_NAMED_PAGES]))
    more = f" and {len(pages) - _NAMED_PAGES} more" if len(pages) > _NAMED_PAGES else ""
    return f"page{'s' if len(pages) > 1 else ''} {named}{more}"


class _Leaf(msgspec.Struct):
    """A page while it is being read."""

    number: int
    width: float = 0.0
    height: float = 0.0
    lines: tuple[Line, ...] = ()
    """Of its text layer, where more is to be read around them."""
    doubt: str = ""
    """Why the text layer is not all that the page shows."""
    paragraphs: tuple[Paragraph, ...] = ()
    note: str = ""
    scanned: bool = False

    def take(self, scan: Scan) -> None:
        """Make of the page what was read from its picture."""
        if scan.fault:
            self.note = f"unreadable: {scan.fault}"
        elif self.doubt in (COVERED, WORDLESS):
            if scan.paragraphs:
                self.paragraphs = _joined(self.paragraphs, scan.paragraphs)
                self.note, self.scanned = f"read by OCR: {self.doubt}", True
        elif scan.paragraphs:
            self.paragraphs = scan.paragraphs
            self.note, self.scanned = f"read by OCR: {self.doubt}", True
        elif self.doubt == UNREADABLE:
            self.note = UNREADABLE
        elif scan.unread:
            self.note = f"not read: {scan.unread}"
        else:
            self.note = "no text" if scan.blank else "no text found by OCR"


def _joined(layer: Sequence[Paragraph], read: Sequence[Paragraph]) -> tuple[Paragraph, ...]:
    """What the text layer says, around what was read from the picture."""
    top = min(paragraph.box[1] for paragraph in read)
    above = [paragraph for paragraph in layer if paragraph.box[3] <= top]
    below = [paragraph for paragraph in layer if paragraph.box[3] > top]
    return (*above, *read, *below)


class _Reader:
    """Reads one open document into an extraction."""

    def __init__(self, document: Any, options: ExtractOptions) -> None:
        self._document = document
        self._options = options
        self._leaves: list[_Leaf] = []
        self._warnings: list[str] = []
        self._engines: dict[str, str] = {}
        self._unread = ""
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
        chars = self._read_layers()
        if doubtful := [leaf for leaf in self._leaves if leaf.doubt]:
            self._read_pictures(doubtful, chars)
        for leaf in self._leaves:
            if leaf.note.startswith("unreadable") or leaf.note == UNREADABLE:
                self._warnings.append(f"page {leaf.number}: {leaf.note}")
        if not any(leaf.paragraphs for leaf in self._leaves):
            raise self._no_text()
        self._write()

    def extraction(self) -> Extraction:
        """What has been read."""
        about = metadata(self._document)
        title = about.pop("title", "")
        return Extraction(
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            layout=pack("page", self._starts, self._ends, self._boxes, self._pages),
            title=title if title and not _NO_TITLE.match(title) else self._title,
            language=language(self._document),
            metadata=about,
            warnings=tuple(self._warnings),
            engines=self._engines,
        )

    @cached_property
    def _kept(self) -> Pieces:
        """The pages that are pictures."""
        return pieces(f"{PdfExtractor.version}, {settings(self._options)}")

    def _read_layers(self) -> int:
        """Read the text layer of every page; gives the number of characters."""
        chars = 0
        done = len(self._kept) if self._options.ocr and is_going_on() else 0
        total = self._document.page_count
        for index in range(total):
            leaf = self._read_layer(index)
            self._leaves.append(leaf)
            done += not leaf.doubt
            step(done, total)
            chars += sum(len(p.text) for p in leaf.paragraphs)
            if chars > self._options.max_chars:
                if left := total - index - 1:
                    self._warnings.append(
                        f"{cut_warning(self._options.max_chars)};"
                        f" its last {left} pages are left out"
                    )
                break
        return chars

    def _read_layer(self, index: int) -> _Leaf:
        leaf = _Leaf(index + 1)
        try:
            page = self._document.load_page(index)
            leaf.width, leaf.height = float(page.rect.width), float(page.rect.height)
            layer = read_layer(page)
            leaf.doubt = layer.doubt
            if leaf.doubt in (COVERED, WORDLESS):
                leaf.lines = layer.lines
            if leaf.doubt not in (NO_LAYER, UNREADABLE):
                leaf.paragraphs = tuple(paragraphs(layer.lines))
        except ERRORS as error:
            leaf.note = f"unreadable: {cause(error)}"
        return leaf

    def _read_pictures(self, doubtful: Sequence[_Leaf], chars: int) -> None:
        """Read as pictures those pages whose text layer is not all that they show."""
        engine = available(self._options) if self._options.ocr else ""
        if not engine:
            self._leave_pictures(doubtful)
            return
        leaves = {leaf.number - 1: leaf for leaf in doubtful}
        layers = [(leaf.number - 1, leaf.lines) for leaf in doubtful]
        kept = self._kept
        before, total = len(self._leaves) - len(doubtful), self._document.page_count
        step(before + len(kept), total)
        warnings: dict[str, list[int]] = {}
        for done, (index, scan) in enumerate(
            read_scans(self._document, layers, self._options, kept), start=1
        ):
            leaves[index].take(scan)
            if not scan.blank:
                self._engines = {"ocr": engine}
            for warning in scan.warnings:
                warnings.setdefault(warning, []).append(index + 1)
            step(before + max(done, len(kept)), total)
            chars += sum(len(p.text) for p in scan.paragraphs)
            if chars > self._options.max_chars and done < len(doubtful):
                self._leave_out(doubtful[done:])
                break
        self._warnings += [f"{_named(pages)}: {text}" for text, pages in warnings.items()]

    def _leave_out(self, left: Sequence[_Leaf]) -> None:
        """Note of pages that the text was long enough without them."""
        for leaf in left:
            leaf.note = "not read: the text is longer than the limit"
        self._warnings.append(
            f"{cut_warning(self._options.max_chars)}; "
            f"its last {len(left)} pages that are pictures are left out"
        )

    def _leave_pictures(self, doubtful: Sequence[_Leaf]) -> None:
        """Note of pages that they are pictures, where nothing reads them."""
        before, total = len(self._leaves) - len(doubtful), self._document.page_count
        for done, leaf in enumerate(doubtful, start=1):
            with contextlib.suppress(*ERRORS):
                page = self._document.load_page(leaf.number - 1)
                if leaf.doubt == NO_LAYER and is_blank(page):
                    leaf.doubt, leaf.note = "", "no text"
            step(before + done, total)
        left = [leaf for leaf in doubtful if leaf.doubt]
        if not left:
            return
        if self._options.ocr:
            self._engines = {"ocr": ""}
            self._unread = _NO_ENGINE
        else:
            self._unread = _SWITCHED_OFF
        for leaf in left:
            if not leaf.paragraphs:
                leaf.note = leaf.doubt if leaf.doubt == UNREADABLE else f"not read: {leaf.doubt}"
        numbers = [leaf.number for leaf in left]
        self._warnings.append(f"{_named(numbers)}: not read as pictures, since {self._unread}")

    def _no_text(self) -> ExtractError:
        notes = {leaf.note for leaf in self._leaves}
        if any(note.startswith("unreadable") for note in notes):
            return _broken("none of its pages with text can be read")
        if self._document.is_repaired and "no text" in notes:
            return _broken("it is damaged or cut off, and no text is left in it")
        if notes == {"no text"}:
            return _without_text("there is no text on any of its pages; nothing is to be done")
        reason = (
            "its text layer is unreadable"
            if UNREADABLE in notes
            else "its pages are pictures without a text layer"
        )
        if self._unread:
            return _without_text(f"{reason}, and {self._unread}", code=NO_OCR)
        if any(note.startswith("not read") for note in notes):
            return _without_text(
                f"{reason}, and OCR gave up on them; scan it anew, in black and white at 300 dpi"
            )
        return _without_text(
            f"{reason}, and OCR finds no text on them; "
            "if there is some, scan it anew, upright and in a higher resolution"
        )

    def _write(self) -> None:
        sheets = [
            Sheet(leaf.number, leaf.height, leaf.paragraphs, leaf.scanned) for leaf in self._leaves
        ]
        headings = Headings(sheets, outline(self._document))
        path = HeadingPath()
        running = Running()
        for sheet, leaf in zip(sheets, self._leaves, strict=True):
            if sheet.paragraphs and self._parts:
                self._put("\n\n")
            start = self._length
            for n, paragraph in enumerate(sheet.paragraphs):
                if n:
                    self._put("\n\n")
                begin = self._length
                self._write_paragraph(paragraph)
                # A running header is indexed where it stands first, not on every page.
                repeated = headings.is_running(sheet, paragraph) and running.repeats(
                    sheet.number, paragraph
                )
                if repeated:
                    continue
                self._block(path, headings.level(sheet, paragraph), paragraph, begin)
            self._pages.append(
                Page(sheet.number, start, self._length, leaf.width, leaf.height, leaf.note)
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
