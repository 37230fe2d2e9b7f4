"""The source of an HTML document, limited to what a parser gets through. Pure.

At every tag an HTML parser looks back through what is open, it opens text marks such as
``<font>`` anew in each paragraph where nobody closed them, and it compares each attribute of a
tag with all others. Without limits a few hundred kilobytes keep it busy for hours. Browsers
limit the depth as well.
"""

from __future__ import annotations

import re
from collections import Counter

_MAX_DEPTH = 512
_MAX_MARKS = 32
_MAX_ATTRIBUTES = 512
# What a closing tag may leave open within the element that it closes.
_MAX_LEFT_OPEN = 8
_ATTRIBUTES = r"(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?+|'[^']*+'?+)?+)*+"
_TAG = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<(script|style|textarea|title|xmp|iframe|noembed|noframes)\b(?![^>]*+(?<=/)>).*?(?:</\1|\Z)"
    rf"|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?P<rest>{_ATTRIBUTES})",
    re.DOTALL | re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*+\"?+|'[^']*+'?+")
_LEAST_ATTRIBUTE_CHARS = 2

_MARKS = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em"),
        *("font", "i", "ins", "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span"),
        *("strike", "strong", "sub", "sup", "time", "tt", "u", "var"),
    )
)
# These have nothing in them, or end by themselves where the next of their kind begins.
_FLAT = frozenset(
    (
        *("area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img"),
        *("input", "keygen", "link", "meta", "param", "source", "track", "wbr", "image"),
        *("html", "head", "body", "p", "li", "dt", "dd", "option", "optgroup", "rb", "rp", "rt"),
        *("rtc", "caption", "colgroup", "tbody", "thead", "tfoot", "tr", "td", "th"),
        *("h1", "h2", "h3", "h4", "h5", "h6"),
    )
)
_FOREIGN = frozenset({"svg", "math"})
_CELLS = frozenset({"tr", "td", "th", "caption"})


def limited(source: str) -> str:
    """Leave out what nests too deeply or has too many attributes; no text is lost.

    Args:
        source: HTML, possibly broken.

    Returns:
        The same where it is within the limits, as all that people or programs write is.
    """
    return _TAG.sub(_Limits().tag, source)


class _Limits:
    """Follows what is open, tag by tag."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._marks: Counter[str] = Counter()
        self._marks_open = 0

    def tag(self, found: re.Match[str]) -> str:
        """What is to stand in the place of a tag, comment or script."""
        if found["name"] is None:
            return found[0]
        name = found["name"].lower()
        if found["close"]:
            self._close(name)
            return found[0]
        if found["rest"].endswith("/") and not _FOREIGN.isdisjoint(self._open):
            # In a drawing or a formula such an element is closed; said in full, it is so anywhere.
            return f"{_fewer_attributes(found).removesuffix('/')}></{found['name']}"
        kept = self._mark(name) if name in _MARKS else self._element(name)
        if not kept:
            # The bracket that ends a tag stands behind what was found.
            return "<br" if name not in _MARKS else "<wbr"
        return _fewer_attributes(found)

    def _mark(self, name: str) -> bool:
        if self._marks_open >= _MAX_MARKS:
            return False
        self._marks[name] += 1
        self._marks_open += 1
        return True

    def _element(self, name: str) -> bool:
        is_full = len(self._open) >= _MAX_DEPTH
        if name in _FLAT:
            return not (is_full and name in _CELLS)
        if not is_full:
            self._open.append(name)
        return not is_full

    def _close(self, name: str) -> None:
        if self._marks[name]:
            self._marks[name] -= 1
            self._marks_open -= 1
        elif name in (last := self._open[-_MAX_LEFT_OPEN:]):
            del self._open[-1 - last[::-1].index(name) :]


def _fewer_attributes(found: re.Match[str]) -> str:
    rest = found["rest"]
    if len(rest) < _LEAST_ATTRIBUTE_CHARS * _MAX_ATTRIBUTES:
        return found[0]
    bare = _QUOTED.sub('""', rest)
    return found[0] if len(re.split(r"[\s/]+", bare)) <= _MAX_ATTRIBUTES else f"<{found['name']}"
