"""Images: what their files say of themselves, and the text that they show.

Runs in a worker process only. A picture's layout is of kind ``image``, in pixels. A file of
several pages (a scan or a fax in TIFF) is a document like any other: its layout is of kind
``page``, in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import ClassVar

import msgspec
from PIL import Image

from prismd.domain import Box, Extraction, Page
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import Draft, cut_warning
from prismd.extract.image.exif import About, about
from prismd.extract.image.picture import MOST_PAGES, Picture, PictureFile
from prismd.extract.ocr import reader as ocr
from prismd.extract.ocr.ahead import read_ahead
from prismd.extract.pieces import Pieces, pieces
from prismd.extract.steps import step
from prismd.layout import pack

_OCR_PIXELS = 12_000_000
"""A picture with more is made smaller to be read: a page of A4 at 350 dpi has as many."""
_LEAST_DPI = 100
"""Screens and cameras write lower ones, which say nothing of the size of letters."""
_LEAST_PAPER_IN = 3.0
"""What would be smaller on paper is no scan: programs write 300 dpi into anything."""
_MOST_STRETCH = 4.0
_LIKE_SQUARE = 1.1
_NAMED_PAGES = 10


class ImageExtractor:
    """Reads an image: a caption of its metadata, then the words on it with their boxes."""

    version: ClassVar[str] = "image-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read an image; see ``Extractor``. One without any text has no blocks."""
        with PictureFile(path) as file:
            indices = file.pages()
            # A PNG tells all of itself only once it is decoded.
            first = _decoded(file, indices[0])
            kept = Pieces()
            if len(indices) == 1:
                file.close()  # reading takes longer, and needs the memory
            else:
                kept = pieces(f"{self.version}, {ocr.settings(options)}")
                step(len(kept), len(indices))
            writer = _Writer(options, about(file.image), kept, paged=len(indices) > 1)
            pictures = chain((first,), (_decoded(file, index) for index in indices[1:]))
            numbered = enumerate(pictures, start=1)
            for number, sheet in read_ahead(numbered, lambda page: writer.read(*page), options):
                writer.write(number, sheet)
                step(max(number, len(kept)), len(indices))
                if writer.full:
                    break
            return writer.extraction()


class _Words(msgspec.Struct, frozen=True):
    """The words on a page, boxes in pixels of the picture as it was read."""

    blocks: tuple[ocr.OcrBlock, ...] = ()
    size: tuple[int, int] = (1, 1)
    note: str = ""
    """Why there are none."""
    warnings: tuple[str, ...] = ()


class _Sheet(msgspec.Struct, frozen=True):
    """A page: decoded, or the reason why not, and what is on it."""

    picture: Picture | ExtractError
    words: _Words = _Words()


def _decoded(file: PictureFile, index: int) -> Picture | ExtractError:
    try:
        return file.page(index, _OCR_PIXELS)
    except ExtractError as error:
        return error


class _Writer:
    """Writes the pages of a picture down, one after the other."""

    def __init__(self, options: ExtractOptions, said: About, kept: Pieces, *, paged: bool) -> None:
        self._options = options
        self._said = said
        self._kept = kept
        self._paged = paged
        self._engine = ocr.available(options) if options.ocr else ""
        self._draft = Draft(options.max_chars)
        self._first: Picture | None = None
        self._pages: list[Page] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._boxes: list[Box] = []
        self._failed: list[tuple[int, ExtractError]] = []
        self._damaged: list[int] = []
        self._warnings: dict[str, None] = {}

    @property
    def full(self) -> bool:
        """Whether there is as much text as there may be."""
        return self._draft.full

    def read(self, number: int, picture: Picture | ExtractError) -> tuple[int, _Sheet]:
        """Read the words of a page, from 1; several threads may call it."""
        if isinstance(picture, ExtractError):
            return number, _Sheet(picture)
        words = self._kept.get(number, _Words)
        if words is None:
            words = self._words(picture)
            self._kept.put(number, words)
        return number, _Sheet(picture, words)

    def _words(self, picture: Picture) -> _Words:
        if not self._options.ocr:
            return _Words(note="not read, as it is set")
        if not self._engine:
            return _Words(note="not read: Tesseract is not installed")
        # A camera cannot know how large what it sees is.
        image, dpi = _to_read(picture, trusted=not self._said.camera)
        found = ocr.read_picture(image, self._options, dpi=dpi)
        note = "" if found.blocks else "no text was found on it"
        note = f"not read: {found.unread}" if found.unread else note
        return _Words(found.blocks, image.size, note, found.warnings)

    def write(self, number: int, sheet: _Sheet) -> None:
        """Write one page down, from 1, in their order; a broken one of several is left out."""
        picture = sheet.picture
        if isinstance(picture, ExtractError):
            self._failed.append((number, picture))
            return
        if not picture.whole:
            self._damaged.append(number)
        known = len(self._draft.blocks)
        if self._first is None:
            self._first = picture
            self._draft.add(self._said.caption, "caption")
        across, down = picture.points_per_px if self._paged else (1.0, 1.0)
        width, height = picture.width_px * across, picture.height_px * down
        scale = width / sheet.words.size[0], height / sheet.words.size[1]
        for block in sheet.words.blocks:
            self._write_block(block, scale)
        self._warnings.update(dict.fromkeys(sheet.words.warnings))
        begin = next((block.start for block in self._draft.blocks[known:]), self._draft.length)
        self._pages.append(Page(number, begin, self._draft.length, width, height, sheet.words.note))

    def extraction(self) -> Extraction:
        """What has been read.

        Raises:
            ExtractError: No page could be decoded.
        """
        if self._first is None:
            raise self._failed[0][1]
        return Extraction(
            text=self._draft.text,
            blocks=tuple(self._draft.blocks),
            layout=pack(
                "page" if self._paged else "image",
                self._starts,
                self._ends,
                self._boxes,
                self._pages,
            ),
            title=self._said.title,
            metadata={**self._said.metadata, **_measures(self._first, self._pages)},
            warnings=tuple(self._all_warnings()),
            engines={"ocr": self._engine} if self._options.ocr else {},
        )

    def _write_block(self, block: ocr.OcrBlock, scale: tuple[float, float]) -> None:
        known = len(self._draft.blocks)
        self._draft.add(block.text)
        if len(self._draft.blocks) == known:
            return
        at, end = self._draft.blocks[-1].start, self._draft.blocks[-1].end
        for word in (word for line in block.lines for word in line.words):
            if at + len(word.text) > end:
                return
            x0, y0, x1, y1 = word.box
            self._starts.append(at)
            self._ends.append(at + len(word.text))
            self._boxes.append((x0 * scale[0], y0 * scale[1], x1 * scale[0], y1 * scale[1]))
            at += len(word.text) + 1

    def _all_warnings(self) -> Iterator[str]:
        if self._damaged:
            where = f" on {page_list(self._damaged)}" if self._paged else ""
            yield f"the file is damaged{where}; what could be decoded of it is indexed"
        if self._failed:
            numbers = [number for number, _ in self._failed]
            verb = "is" if len(numbers) == 1 else "are"
            yield f"{page_list(numbers)} {verb} damaged and left out"
        if self._draft.full:
            yield cut_warning(self._options.max_chars)
        if len(self._pages) + len(self._failed) == MOST_PAGES:
            yield f"only its first {MOST_PAGES:,} pages are indexed"
        yield from self._warnings


def _to_read(picture: Picture, *, trusted: bool) -> tuple[Image.Image, int | None]:
    """The picture with square pixels, and its resolution if that says anything.

    A fax has twice as many dots across as down.
    """
    image, (across, down) = picture.image, picture.dpi if trusted else (0.0, 0.0)
    if not (across and down):
        return image, None
    dpi = max(across, down) * image.width / picture.width_px
    paper_in = max(picture.width_px / across, picture.height_px / down)
    if _LIKE_SQUARE <= (ratio := max(across, down) / min(across, down)) <= _MOST_STRETCH:
        width, height = image.size
        size = (width, round(height * ratio)) if across > down else (round(width * ratio), height)
        image = image.resize(size, Image.Resampling.BICUBIC)
    known = dpi >= _LEAST_DPI and paper_in >= _LEAST_PAPER_IN
    return image, round(dpi) if known else None


def _measures(first: Picture, pages: Sequence[Page]) -> dict[str, str]:
    found = {"width_px": str(first.width_px), "height_px": str(first.height_px)}
    if first.dpi[0]:
        across, down = (f"{value:g}" for value in first.dpi)
        found["dpi"] = across if across == down else f"{across} x {down}"
    return {**found, "pages": str(len(pages))} if len(pages) > 1 else found


def page_list(numbers: Sequence[int]) -> str:
    """Pages by their numbers, the first few of them: ``pages 3, 4 and 12 more``."""
    named = ", ".join(map(str, numbers[:_NAMED_PAGES]))
    more = len(numbers) - _NAMED_PAGES
    noun = "page" if len(numbers) == 1 else "pages"
    return f"{noun} {named} and {more} more" if more > 0 else f"{noun} {named}"
