"""The text of OpenDocument paragraphs: spans, fields, notes, comments, frames; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"

PARAGRAPHS = (f"{TEXT}p", f"{TEXT}h")
FRAMES = frozenset(
    f"{DRAW}{name}"
    for name in (
        *("frame", "g", "custom-shape", "rect", "ellipse", "circle", "line", "connector", "path"),
        *("polygon", "polyline", "caption", "regular-polygon"),
    )
)
_DROPPED = frozenset(
    (
        *(f"{TEXT}tracked-changes", f"{TEXT}ruby-text", f"{OFFICE}annotation-end"),
        *(f"{OFFICE}forms", f"{SVG}title", f"{SVG}desc", f"{OFFICE}event-listeners"),
        *(f"{TEXT}index-title-template", f"{DRAW}enhanced-geometry", f"{DRAW}glue-point"),
    )
)
_MAX_SPACES = 100


class Aside:
    """What paragraphs carry beside their own text, as it is met: notes, comments, frames."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.comments: list[str] = []
        self.frames: list[Any] = []


def paragraph_text(paragraph: Any, aside: Aside | None = None) -> str:
    """The text of a ``text:p`` or ``text:h`` as it is shown.

    Args:
        paragraph: The element.
        aside: Takes up what is anchored in it; a note leaves its number in the text.
    """
    parts: list[str] = [paragraph.text or ""]
    stack: list[Any] = list(reversed(paragraph))
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        if node.tail:
            stack.append(node.tail)
        if not isinstance(node.tag, str) or node.tag in _DROPPED:
            continue
        shown = _special(node, aside)
        if shown is None:
            parts.append(node.text or "")
            stack += reversed(node)
        else:
            parts.append(shown)
    return "".join(parts)


def _special(node: Any, aside: Aside | None) -> str | None:
    """What an element shows that is no part of the running text; None if it is part of it."""
    if node.tag == f"{TEXT}s":
        return " " * min(count(node, f"{TEXT}c"), _MAX_SPACES)
    if node.tag == f"{TEXT}tab":
        return "\t"
    if node.tag == f"{TEXT}line-break":
        return "\n"
    if node.tag == f"{TEXT}note":
        return _note(node, aside)
    if node.tag == f"{OFFICE}annotation":
        if aside is not None and (text := comment_text(node)):
            aside.comments.append(text)
        return ""
    if node.tag in FRAMES:
        if aside is not None:
            aside.frames.append(node)
        return ""
    return None


def _note(node: Any, aside: Aside | None) -> str:
    body = node.find(f"{TEXT}note-body")
    text = " ".join(all_text(body).split()) if body is not None else ""
    mark = (node.findtext(f"{TEXT}note-citation") or "").strip() or "*"
    if aside is not None and text:
        aside.notes.append(f"[{mark}] {text}")
    return f"[{mark}]"


def comment_text(annotation: Any) -> str:
    """A comment with its author; empty when nothing is in it."""
    text = " ".join(all_text(annotation).split())
    author = (annotation.findtext(f"{DC}creator") or "").strip()
    if not text:
        return ""
    return f"Comment by {author}: {text}" if author else f"Comment: {text}"


def all_text(root: Any) -> str:
    """All paragraphs below an element, a line each; what is anchored in one stands behind it."""
    lines: list[str] = []
    for node in _outermost(root):
        aside = Aside()
        lines.append(paragraph_text(node, aside))
        for frame in aside.frames:
            lines += filter(None, (all_text(frame), alternative(frame)))
        lines += aside.notes
    return "\n".join(lines)


def _outermost(root: Any) -> Iterator[Any]:
    """The paragraphs below an element that are not within others."""
    stack = list(reversed(root))
    while stack:
        node = stack.pop()
        if node.tag in PARAGRAPHS:
            yield node
        elif isinstance(node.tag, str) and node.tag not in _DROPPED:
            stack += reversed(node)


def count(node: Any, name: str) -> int:
    """A number that an attribute holds; 1 when it holds none."""
    value = node.get(name, "1")
    return int(value) if value.isdecimal() and len(value) < 10 else 1


def alternative(frame: Any) -> str:
    """What is said of a frame's picture for those who do not see it."""
    texts = (frame.findtext(f"{SVG}title") or "", frame.findtext(f"{SVG}desc") or "")
    return " ".join(" ".join(texts).split())
