"""Tesseract, by pytesseract: what is installed, and one picture at a time through it.

Every call is a process of its own, kept to one thread: several at once, each with threads of its
own, crawl. Pictures and texts pass through files; see ``scratch`` for where they lie.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pytesseract
from PIL import Image

from prismd.extract.base import ExtractOptions
from prismd.extract.ocr.words import FoundWord
from prismd.extract.scratch import settle
from prismd.extract.slots import slot

TIMEOUT_S = 50.0
"""How long one picture may take. Four thousand by four thousand pixels of noise take five."""

_WORD_LEVEL = 5
_NOT_TEXT = frozenset({"osd", "equ", "snum"})
_ORIENTATION = "-c min_characters_to_try=5 -c min_orientation_margin=0.5"
"""Tesseract's own margins leave short texts upside down; a wrong turn shows in the result."""


class Engine(msgspec.Struct, frozen=True):
    """The Tesseract that is installed; ``languages`` are those it has data for, sorted."""

    version: str
    languages: tuple[str, ...]
    orientation: bool
    """Whether it can tell which way up a picture is."""


class TooSlow(Exception):
    """A picture took longer than it may."""


class Unreadable(Exception):
    """Tesseract did not take a picture; says why in its own words."""


@cache
def engine() -> Engine | None:
    """The Tesseract that is installed, or None; looked up once in a process."""
    try:
        version = str(pytesseract.get_tesseract_version())
        installed = set(pytesseract.get_languages(config=""))
    # It raises SystemExit on a version that it cannot read.
    except (pytesseract.TesseractError, OSError, SystemExit):
        return None
    return Engine(version, tuple(sorted(installed - _NOT_TEXT)), "osd" in installed)


def read(
    image: Image.Image, languages: Sequence[str], options: ExtractOptions, *, orient: bool
) -> list[FoundWord]:
    """Read a picture.

    Args:
        image: In mode ``L``, ``1`` or ``RGB``.
        languages: At least one, all of them installed.
        options: Where and how many at once.
        orient: Whether to find out which way up it is first.

    Returns:
        The words in reading order, boxes on the picture as it is, whichever way up.

    Raises:
        TooSlow: It took longer than ``TIMEOUT_S``.
        Unreadable: Tesseract cannot read it.
    """
    config = f"--psm 1 {_ORIENTATION}" if orient else "--psm 3"
    data = _call(
        pytesseract.image_to_data,
        image,
        options,
        lang="+".join(languages),
        config=config,
        output_type=pytesseract.Output.DICT,
    )
    return [
        FoundWord(
            text=str(text),
            box=(left, top, left + width, top + height),
            confidence=float(confidence),
            line=(block, paragraph, line),
        )
        for level, block, paragraph, line, left, top, width, height, confidence, text in zip(
            *(data.get(column, ()) for column in _COLUMNS), strict=True
        )
        if level == _WORD_LEVEL
    ]


_waits = threading.local()
_COLUMNS = (
    "level",
    "block_num",
    "par_num",
    "line_num",
    "left",
    "top",
    "width",
    "height",
    "conf",
    "text",
)


def script(image: Image.Image, options: ExtractOptions) -> str:
    """The script that a picture is written in, by Tesseract's name; empty where it cannot tell."""
    try:
        found = _call(
            pytesseract.image_to_osd,
            image,
            options,
            config="--psm 0 -c min_characters_to_try=5",
            output_type=pytesseract.Output.DICT,
        )
    except (TooSlow, Unreadable):
        return ""
    return str(found.get("script", ""))


def waited_s() -> float:
    """How long this thread has waited for its turn so far, in all it has read."""
    return getattr(_waits, "total_s", 0.0)


def _call(function: Any, image: Image.Image, options: ExtractOptions, **arguments: Any) -> Any:
    # Its files go where the process keeps its temporary ones; elsewhere all may read them, and
    # those of a process that is killed would stay.
    settle(options.slots_dir)
    os.environ["OMP_THREAD_LIMIT"] = "1"
    # pytesseract takes this as the format of its file: packing it as PNG takes a third as long
    # as reading it.
    image.format = "PPM"
    came_s = time.monotonic()
    with slot(options.slots_dir, options.parallel):
        _waits.total_s = waited_s() + time.monotonic() - came_s
        try:
            return function(image, timeout=TIMEOUT_S, **arguments)
        except pytesseract.TesseractError as error:
            raise Unreadable(" ".join(str(error.message).split())) from error
        except RuntimeError as error:
            if "timeout" in str(error):
                raise TooSlow from error
            raise
