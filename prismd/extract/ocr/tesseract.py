"""Tesseract: what is installed, told by pytesseract, and one picture at a time through it.

Every call is a process of its own, kept to one thread: several at once, each with threads of its
own, crawl. Pictures and texts pass through pipes, for a file of either would be a copy of what is
private; pytesseract writes both to files.
"""

from __future__ import annotations

import io
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from functools import cache

import msgspec
import pytesseract
from PIL import Image

from prismd.extract.base import ExtractOptions
from prismd.extract.ocr.words import FoundWord
from prismd.extract.scratch import settle
from prismd.extract.slots import slot

TIMEOUT_S = 50.0
"""How long one picture may take. Four thousand by four thousand pixels of noise take five."""

_WORD_LEVEL = "5"
_TEXT = 11
"""The columns of its table: level, page, block, paragraph, line, word, left, top, width, height,
confidence, text."""
_NOT_TEXT = frozenset({"osd", "equ", "snum"})
_ORIENTATION = ("-c", "min_characters_to_try=5", "-c", "min_orientation_margin=0.5")
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
    mode = ("--psm", "1", *_ORIENTATION) if orient else ("--psm", "3")
    arguments = ("-l", "+".join(languages), *mode, "-c", "tessedit_create_tsv=1")
    rows = [line.split("\t") for line in _call(image, options, arguments).split("\n")]
    return [
        FoundWord(
            text=row[_TEXT],
            box=(int(row[6]), int(row[7]), int(row[6]) + int(row[8]), int(row[7]) + int(row[9])),
            confidence=float(int(float(row[10]))),
            line=(int(row[2]), int(row[3]), int(row[4])),
        )
        for row in rows
        if len(row) > _TEXT and row[0] == _WORD_LEVEL
    ]


_waits = threading.local()


def script(image: Image.Image, options: ExtractOptions) -> str:
    """The script that a picture is written in, by Tesseract's name; empty where it cannot tell."""
    try:
        told = _call(image, options, ("--psm", "0", "-c", "min_characters_to_try=5"))
    except (TooSlow, Unreadable):
        return ""
    found = (line.partition(":") for line in told.splitlines())
    return next((value.strip() for name, _, value in found if name == "Script"), "")


def waited_s() -> float:
    """How long this thread has waited for its turn so far, in all it has read."""
    return getattr(_waits, "total_s", 0.0)


def _call(image: Image.Image, options: ExtractOptions, arguments: Sequence[str]) -> str:
    """What Tesseract writes of a picture."""
    # What it keeps for a while goes where the process has its temporary files.
    environment = {
        **os.environ,
        "OMP_THREAD_LIMIT": "1",
        "TMPDIR": str(settle(options.slots_dir)),
    }
    packed = io.BytesIO()
    image.save(packed, "PPM")  # packing it as PNG takes a third as long as reading it
    came_s = time.monotonic()
    with slot(options.slots_dir, options.parallel):
        _waits.total_s = waited_s() + time.monotonic() - came_s
        try:
            done = subprocess.run(
                [pytesseract.pytesseract.tesseract_cmd, "stdin", "stdout", *arguments],
                input=packed.getbuffer(),
                capture_output=True,
                env=environment,
                timeout=TIMEOUT_S,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise TooSlow from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf-8", "replace")
            raise Unreadable(" ".join(said.split())) from error
    return done.stdout.decode("utf-8", "replace")
