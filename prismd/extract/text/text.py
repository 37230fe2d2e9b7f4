"""Plain text, reStructuredText and data formats, kept as they stand in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from prismd.domain import Block, Extraction, Layout
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.decode import decode
from prismd.extract.draft import HeadingPath, cut_warning

_RULE = re.compile(r"([=\-`:.'\"~^_*+#<>])\1{2,}\s*$")
_BYTES_PER_CHAR = 4


class TextExtractor:
    """Reads text as paragraphs, apart by empty lines; reStructuredText also by its titles."""

    version: ClassVar[str] = "text-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a text; see ``Extractor``."""
        text, warnings = read_text(path, options)
        if media_type == "text/x-rst":
            blocks = tuple(_restructured(text))
        else:
            blocks = tuple(Block(start, end) for start, end in paragraphs(text))
        title = next(
            (text[b.start : b.end].split("\n")[0] for b in blocks if b.kind == "heading"), ""
        )
        return Extraction(
            text=text, blocks=blocks, layout=Layout("text"), title=title, warnings=warnings
        )


def read_text(path: Path, options: ExtractOptions) -> tuple[str, tuple[str, ...]]:
    """Read and decode a whole file, up to the limit of characters.

    Raises:
        ExtractError: Nothing but white space is in it (code ``empty``).
    """
    with path.open("rb") as file:
        data = file.read(options.max_chars * _BYTES_PER_CHAR + 1)
    text, warnings = decode(data)
    if len(text) > options.max_chars or len(data) > options.max_chars * _BYTES_PER_CHAR:
        text = text[: options.max_chars]
        warnings = (*warnings, cut_warning(options.max_chars))
    if not text.strip():
        raise ExtractError("empty; nothing is to be done", code="empty", skip=True)
    return text, warnings


def paragraphs(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Ranges of a text between empty lines, without the white space around them."""
    end = len(text) if end is None else end
    begin: int | None = None
    last = at = start
    while at < end:
        line_end = text.find("\n", at, end)
        line_end = end if line_end < 0 else line_end
        line = text[at:line_end]
        if line.strip():
            begin = at if begin is None else begin
            last = at + len(line.rstrip())
        elif begin is not None:
            yield begin, last
            begin = None
        at = line_end + 1
    if begin is not None:
        yield begin, last


def _restructured(text: str) -> Iterator[Block]:
    """Paragraphs under their titles: a line with a rule below it, possibly one above too."""
    headings = HeadingPath()
    levels: list[str] = []
    for start, end in paragraphs(text):
        lines = text[start:end].split("\n", 3)
        over = len(lines) > 2 and bool(_RULE.match(lines[0]))
        title_at = 1 if over else 0
        if _is_title(lines, title_at):
            style = lines[title_at + 1][0] + "+" * over
            if style not in levels:
                levels.append(style)
            head_end = start + sum(len(line) + 1 for line in lines[: title_at + 2]) - 1
            above = headings.enter(levels.index(style) + 1, lines[title_at])
            title_start = start + (len(lines[0]) + 1 if over else 0)
            yield Block(title_start, title_start + len(lines[title_at]), "heading", above)
            for rest in paragraphs(text, min(head_end + 1, end), end):
                yield Block(*rest, "paragraph", headings.path)
        else:
            yield Block(start, end, "paragraph", headings.path)


def _is_title(lines: list[str], at: int) -> bool:
    if len(lines) < at + 2 or not lines[at].strip() or _RULE.match(lines[at]):
        return False
    rule = lines[at + 1]
    return bool(_RULE.match(rule)) and len(rule.rstrip()) >= len(lines[at].rstrip())
