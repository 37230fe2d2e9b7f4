"""What a DOCX paragraph is, by its style and numbering: heading, list item with its number."""

from __future__ import annotations

import re
from typing import Any

from prismd.extract.office.docx_inline import W

_HEADING = re.compile(r"^heading\s*([1-9])$", re.IGNORECASE)
_MAX_CHAIN = 20


class Styles:
    """Looks up paragraph styles by id, through the styles that they are based on."""

    def __init__(self, root: Any | None) -> None:
        elements = root.iterfind(f"{W}style") if root is not None else ()
        self._by_id = {style.get(f"{W}styleId"): style for style in elements}

    def _chain(self, paragraph: Any) -> list[Any]:
        """What applies to a paragraph, the nearest first: its own properties, then styles'."""
        properties = paragraph.find(f"{W}pPr")
        chain = [] if properties is None else [properties]
        reference = None if properties is None else properties.find(f"{W}pStyle")
        for _ in range(_MAX_CHAIN):
            style = None if reference is None else self._by_id.get(reference.get(f"{W}val"))
            if style is None:
                break
            chain.append(style)
            reference = style.find(f"{W}basedOn")
        return chain

    def names(self, paragraph: Any) -> list[str]:
        """The names of the paragraph's style and of those it is based on."""
        found = [style.find(f"{W}name") for style in self._chain(paragraph)]
        return [name.get(f"{W}val") or "" for name in found if name is not None]

    def heading_level(self, paragraph: Any) -> int | None:
        """The level of a heading; 0 for the document's title; None for what is none."""
        for name in self.names(paragraph):
            if match := _HEADING.match(name):
                return int(match[1])
            if name.casefold() == "title":
                return 0
        for element in self._chain(paragraph):
            outline = element.find(f"{W}outlineLvl")
            if outline is None:
                outline = element.find(f"{W}pPr/{W}outlineLvl")
            if outline is not None and (value := outline.get(f"{W}val", "")).isdecimal():
                return int(value) + 1 if int(value) < 9 else None
        return None

    def is_code(self, paragraph: Any) -> bool:
        """Whether the style is one for source code."""
        marks = ("code", "preformatted", "source")
        return any(mark in name.casefold() for name in self.names(paragraph) for mark in marks)

    def numbering(self, paragraph: Any) -> tuple[str, int] | None:
        """The numbering id and level that apply, if any do."""
        number, level = None, None
        for element in self._chain(paragraph):
            properties = element.find(f"{W}numPr")
            if properties is None:
                properties = element.find(f"{W}pPr/{W}numPr")
            if properties is None:
                continue
            if number is None:
                number = _value(properties.find(f"{W}numId"))
            if level is None:
                level = _value(properties.find(f"{W}ilvl"))
        if number in (None, "0"):
            return None
        return str(number), int(level) if level and level.isdecimal() else 0


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
        return re.sub(
            r"%([1-9])",
            lambda match: _number(int(match[1]) - 1, levels, counts),
            pattern,
        )


def _number(level: int, levels: Any, counts: dict[int, int]) -> str:
    definition = levels.get(str(level))
    count = counts.get(level, _start(definition))
    shape = _value(definition.find(f"{W}numFmt")) if definition is not None else "decimal"
    if shape in ("lowerLetter", "upperLetter") and count > 0:
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
    value = _value(definition.find(f"{W}start")) if definition is not None else None
    return int(value) if value and value.isdecimal() else 1


def _value(element: Any | None) -> str | None:
    return None if element is None else element.get(f"{W}val")
