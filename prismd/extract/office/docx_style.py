"""What a DOCX paragraph is, by its style and numbering: heading, list item with its number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from prismd.extract.office.docx_inline import W

_Value = TypeVar("_Value")
_HEADING = re.compile(r"^heading\s*([1-9])$", re.IGNORECASE)
_MAX_CHAIN = 20
_MAX_LEVEL = 8
_MOST_LETTERS = 780
_PATTERN_CHARS = 255


class _Style(msgspec.Struct, frozen=True):
    """What a style says of its paragraphs, by itself or by those that it is based on."""

    heading: int | None = None
    outline: int | None = None
    is_code: bool = False
    number: str | None = None
    level: str | None = None


class Styles:
    """Looks up paragraph styles by id, through the styles that they are based on."""

    def __init__(self, root: Any | None) -> None:
        elements = root.iterfind(f"{W}style") if root is not None else ()
        self._by_id = {key: style for style in elements if (key := style.get(f"{W}styleId"))}
        # A document has few styles and many paragraphs.
        self._known: dict[str | None, _Style] = {None: _Style()}

    def heading_level(self, paragraph: Any) -> int | None:
        """The level of a heading; 0 for the document's title; None for what is none."""
        style = self._style(paragraph)
        if style.heading is not None:
            return style.heading
        outline = _outline(paragraph.find(f"{W}pPr"))
        outline = style.outline if outline is None else outline
        return outline + 1 if outline is not None and outline < 9 else None

    def is_code(self, paragraph: Any) -> bool:
        """Whether the style is one for source code."""
        return self._style(paragraph).is_code

    def numbering(self, paragraph: Any) -> tuple[str, int] | None:
        """The numbering id and level that apply, if any do; levels go from 0 to 8."""
        style = self._style(paragraph)
        number, level = _numbered(paragraph.find(f"{W}pPr"))
        number = style.number if number is None else number
        level = style.level if level is None else level
        if number in (None, "0"):
            return None
        return str(number), min(_decimal(level) or 0, _MAX_LEVEL)

    def _style(self, paragraph: Any) -> _Style:
        identity = _value(paragraph.find(f"{W}pPr/{W}pStyle"))
        if identity not in self._known:
            self._known[identity] = _style(self._chain(identity))
        return self._known[identity]

    def _chain(self, identity: str | None) -> list[Any]:
        """A style and those that it is based on, the nearest first."""
        chain: list[Any] = []
        while len(chain) < _MAX_CHAIN and (style := self._by_id.get(identity or "")) is not None:
            chain.append(style)
            identity = _value(style.find(f"{W}basedOn"))
        return chain


def _style(chain: list[Any]) -> _Style:
    names = [_value(style.find(f"{W}name")) or "" for style in chain]
    properties = [style.find(f"{W}pPr") for style in chain]
    numbered = [_numbered(one) for one in properties]
    marks = ("code", "preformatted", "source")
    return _Style(
        heading=_first(map(_named_level, names)),
        outline=_first(map(_outline, properties)),
        is_code=any(mark in name.casefold() for name in names for mark in marks),
        number=_first(number for number, _ in numbered),
        level=_first(level for _, level in numbered),
    )


def _first(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def _named_level(name: str) -> int | None:
    if match := _HEADING.match(name):
        return int(match[1])
    return 0 if name.casefold() == "title" else None


def _outline(properties: Any | None) -> int | None:
    return None if properties is None else _decimal(_value(properties.find(f"{W}outlineLvl")))


def _numbered(properties: Any | None) -> tuple[str | None, str | None]:
    """The numbering and level that properties name."""
    found = None if properties is None else properties.find(f"{W}numPr")
    if found is None:
        return None, None
    return _value(found.find(f"{W}numId")), _value(found.find(f"{W}ilvl"))


class Numbering:
    """Counts the items of a document's lists, and writes their markers as Word shows them."""

    def __init__(self, root: Any | None) -> None:
        self._abstract: dict[str, Any] = {}
        self._numbers: dict[str, str] = {}
        self._counts: dict[str, dict[int, int]] = {}
        if root is None:
            return
        for element in root.iterfind(f"{W}abstractNum"):
            self._abstract[element.get(f"{W}abstractNumId") or ""] = {
                level.get(f"{W}ilvl"): level for level in element.iterfind(f"{W}lvl")
            }
        for element in root.iterfind(f"{W}num"):
            number = element.get(f"{W}numId") or ""
            self._numbers[number] = _value(element.find(f"{W}abstractNumId")) or ""
            if element.find(f"{W}lvlOverride/{W}startOverride") is not None:
                # It counts anew, though it looks like the list it is derived from.
                self._abstract[f"num-{number}"] = self._abstract.get(self._numbers[number], {})
                self._numbers[number] = f"num-{number}"

    def marker(self, number: str, level: int) -> str:
        """Count one item; gives its marker: ``-``, ``3.``, ``2.1``; empty for none."""
        key = self._numbers.get(number, "")
        levels = self._abstract.get(key, {})
        counts = self._counts.setdefault(key, {})
        definition = levels.get(str(level))
        start = _start(definition)
        counts[level] = counts.get(level, start - 1) + 1
        for deeper in [n for n in counts if n > level]:
            del counts[deeper]
        shape = _value(definition.find(f"{W}numFmt")) if definition is not None else "bullet"
        if shape in (None, "bullet"):
            return "-"
        if shape == "none":
            return ""
        pattern = _value(definition.find(f"{W}lvlText")) or f"%{level + 1}."
        pattern = pattern[:_PATTERN_CHARS]
        return re.sub(
            r"%([1-9])",
            lambda match: _number(int(match[1]) - 1, levels, counts),
            pattern,
            count=_MAX_LEVEL + 1,
        )


def _number(level: int, levels: Any, counts: dict[int, int]) -> str:
    definition = levels.get(str(level))
    count = counts.get(level, _start(definition))
    shape = _value(definition.find(f"{W}numFmt")) if definition is not None else "decimal"
    if shape in ("lowerLetter", "upperLetter") and 0 < count <= _MOST_LETTERS:
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter if shape == "lowerLetter" else letter.upper()
    if shape in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        return _roman(count) if shape == "upperRoman" else _roman(count).lower()
    return f"{count:02d}" if shape == "decimalZero" else str(count)


def _roman(count: int) -> str:
    signs = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    written = ""
    for sign, value in zip(signs, values, strict=True):
        written += sign * (count // value)
        count %= value
    return written


def _start(definition: Any | None) -> int:
    found = _decimal(_value(definition.find(f"{W}start"))) if definition is not None else None
    return 1 if found is None else found


def _decimal(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 10 else None


def _value(element: Any | None) -> str | None:
    found: str | None = None if element is None else element.get(f"{W}val")
    return found
