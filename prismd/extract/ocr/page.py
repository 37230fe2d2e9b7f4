"""What OCR makes of a picture: words with boxes, in lines and blocks, in reading order."""

from __future__ import annotations

import msgspec

from prismd.domain import Box
from prismd.errors import ExtractError


class OcrMissing(ExtractError):
    """Tesseract, or all of its language data, is not installed; the file is not to blame."""

    code = "no_ocr"
    skip = True


class OcrWord(msgspec.Struct, frozen=True):
    """A word; ``box`` in pixels of the picture as it was given, ``confidence`` of 0 to 100."""

    text: str
    box: Box
    confidence: float


class OcrLine(msgspec.Struct, frozen=True):
    """Words of one line, at least one, in reading order."""

    words: tuple[OcrWord, ...]
    box: Box

    @property
    def text(self) -> str:
        """The words, a space between them."""
        return " ".join(word.text for word in self.words)


class OcrBlock(msgspec.Struct, frozen=True):
    """Lines of one paragraph, at least one, in reading order."""

    lines: tuple[OcrLine, ...]

    @property
    def text(self) -> str:
        """The lines, a line feed between them."""
        return "\n".join(line.text for line in self.lines)


class OcrPage(msgspec.Struct, frozen=True):
    """What was read from a picture.

    Attributes:
        blocks: In reading order; empty where the picture shows no text.
        width_px: Of the picture as it was given, as are all boxes.
        height_px: The same.
        rotation: By how many degrees, clockwise (0, 90, 180, 270), the picture must be turned
            for its text to stand upright.
        language: What it was read as, such as ``eng`` or ``deu+eng``.
        engine: What read it, such as ``tesseract 5.3.0 eng``.
        unread: Why there are no words, where that is not for want of any; in ``warnings`` too.
        warnings: What stood in the way of reading it better, fit to show to a person.
    """

    blocks: tuple[OcrBlock, ...]
    width_px: int
    height_px: int
    rotation: int = 0
    language: str = ""
    engine: str = ""
    unread: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All blocks, an empty line between them."""
        return "\n\n".join(block.text for block in self.blocks)
