"""The source of an RTF document, put in order for the library that reads it. Pure.

The library searches for fonts and links by expressions that go through all that is left, again
and again, where one of them is missing or many stand in one line; and it would read pictures
sign by sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BINARY = re.compile(rb"\\bin(\d{1,9}) ?")
_DIGITS = re.compile(r"(?:[0-9a-fA-F]{2}\s*+){16,}+")
_PICTURE_DIGITS = 512
_FONT_TABLE = re.compile(r"\{\s*+(?:\\\*\s*+)?+\\fonttbl(?![a-z])")
_BRACE = re.compile(r"[{}]")
_FONT = re.compile(r"\\f(\d{1,6})(?!\d)")
_CHARSET = re.compile(r"\\fcharset(\d{1,4})(?!\d)")
_MAX_FONTS = 4096


def without_binary(data: bytes) -> bytes:
    """Cut out binary data, whose bytes may look like anything."""
    parts: list[bytes] = []
    at = 0
    while found := _BINARY.search(data, at):
        parts.append(data[at : found.start()])
        at = found.end() + int(found[1])
    return b"".join((*parts, data[at:]))


def ordered(source: str) -> str:
    """The same document: without pictures, each font with its charset, each link in a line."""
    source = _DIGITS.sub(lambda run: "" if _is_picture(run[0]) else run[0], source)
    # Line breaks mean nothing in RTF, and end the library's search for the parts of a link.
    source = source.replace("{\\field", "\n{\\field").replace("}}{", "}}\n{")
    if not (table := _FONT_TABLE.search(source)):
        return source
    end = _group_end(source, table.end())
    fonts = "".join(_fonts(source[table.end() : end]))
    return f"{source[: table.start()]}{{\\fonttbl{fonts}}}{source[end:]}"


def _is_picture(run: str) -> bool:
    return len(run) >= _PICTURE_DIGITS and len("".join(run.split())) >= _PICTURE_DIGITS


def _group_end(source: str, start: int) -> int:
    """Where the group ends in which a place is: behind its brace, or at the end of all."""
    depth = 1
    for brace in _BRACE.finditer(source, start):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return brace.end()
    return len(source)


def _fonts(table: str) -> Iterator[str]:
    """The entries of a font table, as short as can be; its names are not wanted."""
    for entry in table.split(";", _MAX_FONTS)[:_MAX_FONTS]:
        font, charset = _FONT.search(entry), _CHARSET.search(entry)
        if font and charset:
            yield f"{{\\f{font[1]}\\fcharset{charset[1]} -;}}"
