"""Reading the text in pictures with Tesseract; runs in a worker process only."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
from PIL import Image

from prismd.domain import Box
from prismd.extract.base import ExtractOptions
from prismd.extract.language import language_of
from prismd.extract.ocr import tesseract
from prismd.extract.ocr.languages import (
    Choice,
    about_missing,
    choose,
    for_language,
    for_script,
)
from prismd.extract.ocr.page import OcrBlock, OcrLine, OcrMissing, OcrPage, OcrWord
from prismd.extract.ocr.skew import slope, unsloped
from prismd.extract.ocr.tesseract import TIMEOUT_S, Engine, TooSlow, Unreadable
from prismd.extract.ocr.words import (
    FoundWord,
    blocks,
    confidence,
    letters,
    line_height,
    rotation,
    scaled,
    turned,
    worth,
)

__all__ = [
    "OcrBlock",
    "OcrLine",
    "OcrMissing",
    "OcrPage",
    "OcrWord",
    "available",
    "read_picture",
    "settings",
]

_MAX_PIXELS = 16_000_000
_MAX_SIDE_PX = 16_000
_LEAST_SIDE_PX = 4
_SMALL_PIXELS = 2_500_000
_TINY_PIXELS = 1_000_000
_SCAN_DPI = 150
_ENOUGH_DPI = 400
_TARGET_DPI = 300
"""Pictures of screens and small photographs are read at twice their size; a scan that is finer
than ``_ENOUGH_DPI`` at ``_TARGET_DPI``, unless it is small. What a tiny picture says of its
resolution is not believed: cameras write whatever they like."""

_SURE = ((0, 90.0), (25, 75.0), (100, 60.0))
"""With at least so many letters, an average confidence from so much on settles the matter."""
_TALL_PX = 80.0
_LINE_PX = 40.0
"""Lines taller than the former are read once more, as tall as the latter."""
_MORE_TRIES_S = 20.0
"""No other way of reading is tried once so much time has been spent."""


class _Attempt(msgspec.Struct, frozen=True):
    """One way of reading a picture, and what came of it; boxes on the picture as given."""

    languages: tuple[str, ...]
    turn: int | None = 0
    """How far the picture was turned before, clockwise; None left that to Tesseract."""
    blocks: tuple[OcrBlock, ...] = ()
    letters: int = 0
    """Of all that was seen, the dubious included."""
    confidence: float = 0.0
    height_px: float = 0.0
    """Of the lines, on the picture as it was read."""

    @property
    def sure(self) -> bool:
        """Whether there is no use in trying another way."""
        return any(self.letters >= n and self.confidence >= least for n, least in _SURE)

    @property
    def text(self) -> str:
        """What is worth keeping of it."""
        return "\n".join(block.text for block in self.blocks)


def available(options: ExtractOptions) -> str:
    """What reads pictures, as it goes into ``Extraction.engines``; empty when nothing does."""
    engine = tesseract.engine()
    if engine is None or not engine.languages:
        return ""
    return _name(engine, choose(options.ocr_languages, engine.languages))


def settings(options: ExtractOptions) -> str:
    """Everything that the outcome of ``read_picture`` hangs on beside the picture."""
    engine = tesseract.engine()
    if engine is None:
        return ""
    wanted = "+".join(options.ocr_languages)
    orientation = "+osd" if engine.orientation else ""
    return f"tesseract {engine.version} {'+'.join(engine.languages)}{orientation} as {wanted}"


def read_picture(image: Image.Image, options: ExtractOptions, *, dpi: int | None = None) -> OcrPage:
    """Read the text in a picture, whichever way up it is.

    Several threads may call it; how many pictures are read at once is kept to
    ``options.parallel`` over all processes that share ``options.slots_dir``.

    Args:
        image: Of any mode; it stays as it is.
        options: Languages, and how many pictures at once.
        dpi: The resolution, where it is known.

    Returns:
        The words, boxes in pixels of ``image``. A picture that takes too long or that Tesseract
        refuses gives none, and a warning.

    Raises:
        OcrMissing: Tesseract is not installed, or has no language data.
    """
    engine = _installed()
    choice = choose(options.ocr_languages, engine.languages)
    warnings = [about_missing(choice.missing, choice.languages)] if choice.missing else []
    found, unread = _Attempt(choice.languages), ""
    try:
        if min(image.size) >= _LEAST_SIDE_PX:
            found = _Reader(image, dpi, options, engine, choice).read()
    except TooSlow:
        unread = f"Tesseract took longer than {TIMEOUT_S:g} s"
    except Unreadable as error:
        unread = f"Tesseract says {error}" if str(error) else "Tesseract fails"
    if unread:
        warnings.append(f"the text in a picture was not read: {unread}")
    return OcrPage(
        found.blocks,
        *image.size,
        rotation=rotation(found.blocks),
        language="+".join(found.languages),
        engine=_name(engine, choice),
        unread=unread,
        warnings=tuple(warnings),
    )


def _installed() -> Engine:
    engine = tesseract.engine()
    if engine is None or not engine.languages:
        raise OcrMissing(
            "Tesseract, which reads pictures, is not installed; install it "
            "(apt install tesseract-ocr, brew install tesseract), "
            "then run `prismd reindex --stale`"
        )
    return engine


class _Reader:
    """Reads one picture, in the ways that may be needed."""

    def __init__(
        self,
        image: Image.Image,
        dpi: int | None,
        options: ExtractOptions,
        engine: Engine,
        choice: Choice,
    ) -> None:
        self._given = image.size
        self._sized = _prepared(image, dpi)
        self._degrees = -slope(self._sized)
        self._picture = _levelled(self._sized, self._degrees)
        self._options = options
        self._engine = engine
        self._choice = choice
        self._began_s = time.monotonic() - tesseract.waited_s()

    def read(self) -> _Attempt:
        """Read it; a second time where the first is not convincing."""
        darkest, lightest = self._sized.getextrema()
        if darkest == lightest:
            return _Attempt(self._choice.languages)
        found = first = self._attempt(self._choice.languages)
        if first.height_px > _TALL_PX and self._has_time():
            found = first = self._smaller(first)
        ways = self._other_ways(first)
        while not found.sure and (way := next(ways, None)) is not None:
            found = self._better(found, *way)
        if self._choice.by_text:
            languages = for_language(self._choice, language_of(found.text))
            return self._better(found, languages, found.turn) if languages else found
        return found

    def _has_time(self) -> bool:
        # Waiting for others to be done says nothing of how hard this picture is.
        return time.monotonic() - tesseract.waited_s() < self._began_s + _MORE_TRIES_S

    def _other_ways(self, first: _Attempt) -> Iterator[tuple[tuple[str, ...], int | None]]:
        """Languages, and how far to turn the picture; None leaves that to Tesseract.

        Finding out which way up a page is takes a tenth of the time of reading it, and nearly
        all are upright: so that is left until the text is seen to make no sense.
        """
        if self._choice.by_script and self._engine.orientation and self._has_time():
            script = tesseract.script(self._picture, self._options)
            if languages := for_script(self._choice, script):
                yield languages, None
        if first.letters:
            if self._engine.orientation:
                yield first.languages, None
            # A short text does not tell which way up it is, except by being read both ways.
            yield first.languages, 180

    def _smaller(self, first: _Attempt) -> _Attempt:
        """Read it at a size at which its letters are as tall as those of a page."""
        factor = _LINE_PX / first.height_px
        width, height = (max(_LEAST_SIDE_PX, round(side * factor)) for side in self._sized.size)
        self._sized = self._sized.convert("L").resize((width, height), Image.Resampling.LANCZOS)
        self._picture = _levelled(self._sized, self._degrees)
        return self._better(first, first.languages, first.turn)

    def _better(self, found: _Attempt, languages: tuple[str, ...], turn: int | None) -> _Attempt:
        if not self._has_time():
            return found
        with contextlib.suppress(TooSlow):
            other = self._attempt(languages, turn)
            return max(found, other, key=lambda attempt: worth(attempt.blocks))
        return found

    def _attempt(self, languages: tuple[str, ...], turn: int | None = 0) -> _Attempt:
        picture = self._picture
        if turn:
            picture = picture.rotate(-turn, expand=True)
        words = tesseract.read(picture, languages, self._options, orient=turn is None)
        seen = [OcrWord(word.text, word.box, max(0.0, word.confidence)) for word in words]
        return _Attempt(
            languages,
            turn,
            blocks(self._placed(words, picture.size, turn or 0)),
            letters(seen),
            confidence(seen),
            height_px=line_height(words),
        )

    def _placed(
        self, words: Sequence[FoundWord], size: tuple[int, int], turn: int
    ) -> list[FoundWord]:
        """The words where they stand on the picture as it was given."""
        return [
            msgspec.structs.replace(word, box=self._given_box(turned(word.box, -turn % 360, *size)))
            for word in words
        ]

    def _given_box(self, box: Box) -> Box:
        if self._degrees:
            box = unsloped(box, self._degrees, self._picture.size, self._sized.size)
        width, height = self._given
        across, down = width / self._sized.width, height / self._sized.height
        return scaled(box, across, down, width, height)


def _name(engine: Engine, choice: Choice) -> str:
    return f"tesseract {engine.version} {'+'.join(choice.languages)}"


def _prepared(image: Image.Image, dpi: int | None) -> Image.Image:
    """The picture in grey, at the size that it is read best."""
    picture = _grey(image)
    pixels = image.width * image.height
    factor = 1.0
    if dpi is not None and dpi >= _ENOUGH_DPI:
        factor = min(1.0, max(_TARGET_DPI / dpi, (_SMALL_PIXELS / pixels) ** 0.5))
    elif pixels <= (_TINY_PIXELS if dpi is not None and dpi >= _SCAN_DPI else _SMALL_PIXELS):
        factor = 2.0
    factor = min(factor, (_MAX_PIXELS / pixels) ** 0.5, _MAX_SIDE_PX / max(image.size))
    if factor == 1.0:
        return picture
    width, height = (max(_LEAST_SIDE_PX, round(side * factor)) for side in image.size)
    return picture.convert("L").resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)


def _levelled(picture: Image.Image, degrees: float) -> Image.Image:
    """The picture turned counterclockwise, on white."""
    if not degrees:
        return picture
    return picture.convert("L").rotate(
        degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255
    )


def _grey(image: Image.Image) -> Image.Image:
    """In mode ``L`` or ``1``, what is transparent in white."""
    if image.mode in ("L", "1"):
        return image.copy()
    if image.mode.startswith(("I", "F")):
        values = image.convert("F")
        low, high = cast("tuple[float, float]", values.getextrema())
        scale = 255.0 / (high - low) if high > low else 0.0
        return values.point(lambda value: value * scale - low * scale).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L")
