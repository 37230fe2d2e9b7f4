"""The text of a DOCX paragraph: runs, links, fields, changes, notes, text boxes; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

_CHARACTERS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "\u2011",
}
_DROPPED = frozenset(
    (
        *(f"{W}{name}" for name in ("del", "moveFrom", "instrText", "delText", "delInstrText")),
        *(f"{W}{name}" for name in ("pPr", "rPr", "sdtPr", "sdtEndPr", "rt", "annotationRef")),
        f"{_M}ctrlPr",
    )
)
_NOTES = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
TEXT_BOX = f"{W}txbxContent"


def paragraph_text(paragraph: Any, notes: list[tuple[str, str]] | None = None) -> str:
    """The text of a paragraph as it is shown: insertions kept, deletions and hidden text not.

    Text boxes anchored in it are left out; ``text_boxes`` has them.

    Args:
        paragraph: A ``w:p`` element.
        notes: Takes up kind and id of the notes referred to, in order.
    """
    parts: list[str] = []
    stack = [paragraph]
    while stack:
        node = stack.pop()
        tag = node.tag
        if not isinstance(tag, str) or tag in _DROPPED or tag == TEXT_BOX:
            continue
        if tag in (f"{W}t", f"{_M}t"):
            parts.append(node.text or "")
        elif tag in _CHARACTERS:
            parts.append(_CHARACTERS[tag])
        elif tag in _NOTES:
            identity = node.get(f"{W}id") or ""
            if notes is not None:
                notes.append((_NOTES[tag], identity))
                parts.append(f"[{len(notes)}]")
        elif tag == f"{W}r" and _is_hidden(node):
            continue
        else:
            stack += reversed(_children(node))
    return "".join(parts)


def text_boxes(paragraph: Any) -> Iterator[Any]:
    """The contents (``w:txbxContent``) of text boxes anchored in a paragraph, in order."""
    stack = [paragraph]
    while stack:
        node = stack.pop()
        if node.tag == TEXT_BOX:
            yield node
        elif isinstance(node.tag, str) and node.tag not in _DROPPED:
            stack += reversed(_children(node))


def _children(node: Any) -> list[Any]:
    """An element's children; of alternatives for different programs only the first."""
    if node.tag != f"{_MC}AlternateContent":
        return list(node)
    choice = node.find(f"{_MC}Choice")
    fallback = node.find(f"{_MC}Fallback")
    for branch in (choice, fallback):
        # A drawing without text may have its text in the fallback only.
        if branch is not None and any(
            (found.text or "").strip() for found in branch.iter(f"{W}t", f"{_M}t")
        ):
            return [branch]
    return []


def _is_hidden(run: Any) -> bool:
    hidden = run.find(f"{W}rPr/{W}vanish")
    return hidden is not None and hidden.get(f"{W}val", "1") not in ("0", "false", "off")


def parse(data: bytes) -> Any:
    """Parse an XML part, without entities, network or unlimited nesting."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    return etree.fromstring(data, parser)
