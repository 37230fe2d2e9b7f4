"""HTML by selectolax (lexbor): what a reader sees, block by block."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from selectolax.lexbor import LexborHTMLParser

from prismd.domain import BlockKind, Extraction
from prismd.extract.base import ExtractOptions
from prismd.extract.decode import decode
from prismd.extract.draft import Draft
from prismd.extract.table import Cell, markdown_table
from prismd.extract.text.html_source import limited
from prismd.extract.written import written

_MAX_BYTES = 50_000_000
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_SKIPPED = frozenset(
    (
        *("script", "style", "template", "noscript", "nav", "head", "svg", "math", "canvas"),
        *("iframe", "object", "embed", "select", "button", "input", "textarea", "datalist"),
        *("audio", "video", "map", "dialog"),
    )
)
_BLOCKS = frozenset(
    (
        *("p", "div", "section", "article", "main", "header", "footer", "aside", "address"),
        *("blockquote", "figure", "figcaption", "dl", "dt", "dd", "fieldset", "legend", "form"),
        *("details", "summary", "hr", "body", "html", "center", "caption", "tr", "td", "th"),
        *("tbody", "thead", "tfoot", "table", "li", *_LISTS, *_HEADINGS, "pre"),
    )
)
_STRUCTURE = frozenset({"table", "h1", "h2", "h3", "h4", "pre"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)


class HtmlExtractor:
    """Reads HTML: title, headings as path, paragraphs, lists, tables as Markdown, code."""

    version: ClassVar[str] = "html-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read an HTML file; see ``Extractor``."""
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        warnings: tuple[str, ...] = ()
        if len(data) > _MAX_BYTES:
            data = data[:_MAX_BYTES]
            warnings = (f"only its first {_MAX_BYTES:,} bytes are read",)
        source, decoding = decode_html(data)
        tree = parse_html(source)
        draft = Draft(options.max_chars)
        write_html(tree, draft)
        named = tree.css_first("title")
        heading = next((b for b in draft.blocks if b.kind == "heading"), None)
        return written(
            draft,
            options,
            {
                "title": _squeeze(named.text()) if named else "",
                "language": _language(tree),
                **_metadata(tree),
            },
            title=draft.text[heading.start : heading.end] if heading else "",
            warnings=(*warnings, *decoding),
        )


def parse_html(source: str) -> LexborHTMLParser:
    """Parse HTML, however deep it goes, in time that grows with its length alone."""
    return LexborHTMLParser(limited(source))


def write_html(tree: LexborHTMLParser, draft: Draft, *, below: int = 0) -> None:
    """Write down what a reader of a document sees.

    Args:
        tree: The document.
        draft: Where to.
        below: The level of the heading that the document stands under; its own are below it.
    """
    if tree.root is not None:
        _Walk(draft, below).walk(tree.body or tree.root)


def decode_html(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Decode by the file's own word where UTF-8 does not fit and the word is good."""
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-8"), ()
        except UnicodeDecodeError:
            try:
                return data.decode(declared[1].decode("ascii")), ()
            except (LookupError, UnicodeDecodeError, UnicodeError):
                pass
    return decode(data)


class _Walk:
    """Goes through a document once, in order, and writes down its blocks."""

    def __init__(self, draft: Draft, below: int) -> None:
        self._draft = draft
        self._below = below
        self._inline: list[str] = []
        self._lists: list[list[int]] = []
        self._items: list[str] = []
        self._prefix = ""
        self._pre = 0

    def walk(self, root: Any) -> None:
        """Write down all below a node."""
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack and not self._draft.full:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif node.tag == "-text":
                self._inline.append(node.text_content or "")
            elif self._enter(node):
                stack.append((node, True))
                stack += [(child, False) for child in reversed(list(node.iter(include_text=True)))]
        self._flush("paragraph")
        self._flush_list()

    def _enter(self, node: Any) -> bool:
        """Begin an element; False when what is in it is not to be walked."""
        tag = node.tag
        if tag in _SKIPPED or tag.startswith(("-", "!", "_")) or _is_hidden(node):
            return False
        if tag == "br":
            self._inline.append("\n" if self._pre else "\v")
        elif tag == "img":
            if alt := (node.attributes.get("alt") or "").strip():
                self._inline.append(f" {alt} ")
        elif tag == "table" and not _is_layout_table(node):
            self._flush("paragraph")
            self._flush_list()
            self._table(node)
            return False
        elif tag in _BLOCKS:
            self._begin(node, tag)
        return True

    def _begin(self, node: Any, tag: str) -> None:
        self._flush("paragraph")
        if tag == "pre":
            self._pre += 1
        elif tag in _LISTS:
            start = node.attributes.get("start") or "1"
            ordered = tag == "ol"
            number = int(start) if ordered and start.isdecimal() and len(start) < 9 else 1
            self._lists.append([number if ordered else 0])
        elif tag == "li":
            self._prefix = self._marker()
        elif tag == "hr":
            self._flush_list()

    def _marker(self) -> str:
        counter = self._lists[-1] if self._lists else [0]
        depth = max(0, len(self._lists) - 1)
        if not counter[0]:
            return "  " * min(depth, 8) + "- "
        counter[0] += 1
        return "  " * min(depth, 8) + f"{counter[0] - 1}. "

    def _leave(self, node: Any) -> None:
        tag = node.tag
        if tag not in _BLOCKS:
            return
        if tag in _HEADINGS:
            text = _squeeze("".join(self._inline))
            self._inline.clear()
            self._flush_list()
            self._draft.heading(_HEADINGS[tag] + self._below, text)
            return
        self._flush("caption" if tag in ("figcaption", "caption") else "paragraph")
        if tag == "pre":
            self._pre -= 1
        elif tag == "li":
            self._prefix = ""
        elif tag in _LISTS and self._lists:
            self._lists.pop()
            if not self._lists:
                self._flush_list()

    def _flush(self, kind: BlockKind) -> None:
        """End the running paragraph; inside a list it becomes lines of the list."""
        text = "".join(self._inline)
        self._inline.clear()
        if self._pre and text.strip():
            kind = "code"
        else:
            text = _squeeze(text)
        if not text.strip():
            return
        if self._lists:
            indent = "  " * min(len(self._lists), 8)
            first, *rest = text.strip("\n").split("\n")
            self._items.append((self._prefix or indent) + first)
            self._items += [indent + line for line in rest]
            self._prefix = ""
        else:
            self._draft.add(text, kind)

    def _flush_list(self) -> None:
        if self._items:
            self._draft.add("\n".join(self._items), "list")
            self._items.clear()

    def _table(self, node: Any) -> None:
        if caption := node.css_first("caption"):
            self._draft.add(_squeeze(_text(caption)), "caption")
        rows = [
            [
                Cell(_squeeze(_text(cell)), _span(cell, "colspan"), _span(cell, "rowspan"))
                for cell in row.iter()
                if cell.tag in ("td", "th")
            ]
            for row in node.css("tr")
        ]
        self._draft.add(markdown_table(rows), "table")


def _text(node: Any) -> str:
    """The text below a node, without what is skipped or hidden; blocks are apart."""
    parts: list[str] = []
    stack = [node]
    while stack:
        at = stack.pop()
        if isinstance(at, str):
            parts.append(at)
        elif at.tag == "-text":
            parts.append(at.text_content or "")
        elif at.tag == "br":
            parts.append(" ")
        elif at.tag == "img":
            parts.append(f" {at.attributes.get('alt') or ''} ")
        elif (
            at.tag not in _SKIPPED and not at.tag.startswith(("-", "!", "_")) and not _is_hidden(at)
        ):
            apart = [" "] if at.tag in _BLOCKS else []
            stack += [*apart, *reversed(list(at.iter(include_text=True))), *apart]
    return "".join(parts)


def _squeeze(text: str) -> str:
    """Spaces and line breaks as a browser shows them; a vertical tab stands for ``<br>``."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\v"))
    return "\n".join(lines).strip()


def _span(cell: Any, name: str) -> int:
    value = cell.attributes.get(name) or "1"
    return max(1, min(int(value), 100)) if value.isdecimal() and len(value) < 9 else 1


def _is_hidden(node: Any) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_layout_table(node: Any) -> bool:
    """Whether a table only places things: it says so, or it holds tables, headings or code.

    The first of these ends the search: whatever is below one is not gone through again for each
    of the tables around it.
    """
    if node.attributes.get("role") == "presentation":
        return True
    stack = list(node.iter())
    while stack:
        inner = stack.pop()
        if inner.tag in _STRUCTURE:
            return True
        stack += inner.iter()
    return False


def _metadata(tree: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    names = {"author": "author", "description": "subject", "keywords": "keywords"}
    for meta in tree.css("meta[name][content]"):
        key = names.get((meta.attributes.get("name") or "").lower())
        if key and (value := _squeeze(meta.attributes.get("content") or "")):
            found.setdefault(key, value)
    return found


def _language(tree: LexborHTMLParser) -> str:
    html = tree.css_first("html")
    return (html.attributes.get("lang") or "").strip() if html else ""
