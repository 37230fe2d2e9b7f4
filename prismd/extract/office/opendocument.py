"""OpenDocument by lxml: texts, spreadsheets, presentations and drawings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from prismd.domain import Extraction
from prismd.errors import EncryptedDocument, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.office.odf_inline import (
    DRAW,
    FRAMES,
    OFFICE,
    PRESENTATION,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    Aside,
    all_text,
    alternative,
    comment_text,
    count,
    paragraph_text,
)
from prismd.extract.office.odf_sheet import rows_of, write_sheets
from prismd.extract.office.sheet import has_cells
from prismd.extract.package import parse_xml, read_parts
from prismd.extract.steps import step
from prismd.extract.table import Cell, markdown_table
from prismd.extract.written import written

_WRAPPERS = frozenset(
    (
        *(f"{TEXT}section", f"{TEXT}index-body", f"{TEXT}bibliography"),
        f"{TEXT}numbered-paragraph",
        *(f"{DRAW}text-box", f"{DRAW}a", f"{OFFICE}text", f"{STYLE}header", f"{STYLE}footer"),
    )
)
_MARGIN_CLASSES = frozenset({"date-time", "footer", "header", "page-number", "page"})
_LENGTHS_CM = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6, "px": 2.54 / 96}
_ROW_CM = 1.0
_MAX_NESTING = 32
_META = {
    "{*}title": "title",
    "{*}initial-creator": "author",
    "{*}creator": "author",
    "{*}subject": "subject",
    "{*}keyword": "keywords",
    "{*}language": "language",
    "{*}creation-date": "created",
    "{*}date": "modified",
}


class OpenDocumentExtractor:
    """Reads ODT, ODS, ODP, ODG and their templates."""

    version: ClassVar[str] = "opendocument-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read an OpenDocument file; see ``Extractor``."""
        parts = read_parts(path)
        if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
            raise EncryptedDocument("encrypted; save it without a password to index it")
        if not parts.get("content.xml"):
            raise broken("it has no content")
        content = parse_xml(parts["content.xml"])
        styles = parse_xml(parts["styles.xml"]) if parts.get("styles.xml") else None
        reader = _Reader(content, styles, Draft(options.max_chars))
        has_content = reader.read()
        metadata = _metadata(parts.get("meta.xml", b""))
        return written(reader.draft, options, metadata, title=reader.title, has_content=has_content)


class _Reader:
    """Writes one document down."""

    def __init__(self, content: Any, styles: Any | None, draft: Draft) -> None:
        self.draft = draft
        self.title = ""
        self._content = content
        self._styles = styles
        self._parents = {
            style.get(f"{STYLE}name"): style.get(f"{STYLE}parent-style-name")
            for root in (styles, content)
            if root is not None
            for style in root.iter(f"{STYLE}style")
            if style.get(f"{STYLE}family") == "paragraph"
        }
        self._aside = Aside()

    def read(self) -> bool:
        """Whatever is in the body; False when that is nothing."""
        body = self._content.find(f"{OFFICE}body")
        kinds = body if body is not None else ()
        kind = next((node for node in kinds if isinstance(node.tag, str)), None)
        if kind is None:
            raise broken("it has no body")
        if kind.tag == f"{OFFICE}spreadsheet":
            write_sheets(kind, self.draft)
            return has_cells(self.draft)
        if kind.tag in (f"{OFFICE}presentation", f"{OFFICE}drawing"):
            return self._pages(kind, "Slide" if kind.tag.endswith("presentation") else "Page")
        self._margins(f"{STYLE}header")
        self._container(kind, 0)
        for note in (*self._aside.notes, *self._aside.comments):
            self.draft.add(note, "note")
        self._margins(f"{STYLE}footer")
        return bool(self.draft.blocks)

    def _margins(self, kind: str) -> None:
        """Headers or footers: each text once, though page styles repeat them."""
        seen: set[str] = set()
        for margin in self._styles.iter(kind) if self._styles is not None else ():
            text = all_text(margin).strip()
            if text and text not in seen:
                seen.add(text)
                self.draft.add(text, "note")

    def _container(self, container: Any, depth: int) -> None:
        if depth > _MAX_NESTING:
            return
        for node in _unwrapped(container):
            if self.draft.full:
                return
            if node.tag in (f"{TEXT}p", f"{TEXT}h"):
                self._paragraph(node, depth)
            elif node.tag == f"{TEXT}list":
                self.draft.add("\n".join(self._items(node, 0)), "list")
                self._frames(depth)
            elif node.tag == f"{TABLE}table":
                self._table(node, depth)
            elif node.tag in FRAMES:
                self._frame(node, depth)

    def _paragraph(self, node: Any, depth: int) -> None:
        text = paragraph_text(node, self._aside)
        style = self._style(node)
        level = _heading_level(node, style)
        if style == "Title":
            self.title = self.title or " ".join(text.split())
        if level is not None:
            self.draft.heading(level, " ".join(text.split()))
        else:
            self.draft.add(text, "code" if style.startswith("Preformatted") else "paragraph")
        self._frames(depth)

    def _frames(self, depth: int) -> None:
        """What was anchored in the paragraphs that have just been written."""
        frames, self._aside.frames = self._aside.frames, []
        for frame in frames:
            self._frame(frame, depth + 1)

    def _frame(self, frame: Any, depth: int) -> None:
        """A text box, picture, table or shape: what is to be read in it, and said of it."""
        if depth > _MAX_NESTING:
            return
        self._container(frame, depth + 1)
        self.draft.add(alternative(frame), "caption")

    def _items(self, node: Any, depth: int) -> Iterator[str]:
        """The lines of a list; a list within is indented."""
        if depth > _MAX_NESTING:
            return
        indent = "  " * min(depth, 8)
        for item in node.iterfind("./*"):
            marker = "- " if item.tag == f"{TEXT}list-item" else ""
            for inner in _unwrapped(item):
                if inner.tag == f"{TEXT}list":
                    yield from self._items(inner, depth + 1)
                    continue
                if inner.tag not in (f"{TEXT}p", f"{TEXT}h"):
                    continue
                if text := paragraph_text(inner, self._aside).strip():
                    yield indent + marker + text
                    marker = "  "

    def _table(self, table: Any, depth: int) -> None:
        cells = [list(row.iterfind(f"{TABLE}table-cell")) for row in rows_of(table)]
        if len(cells) == 1 and len(cells[0]) == 1:
            # A table of one cell is a frame around ordinary text.
            self._container(cells[0][0], depth + 1)
            return
        self.draft.add(markdown_table([list(map(_cell, row)) for row in cells]), "table")

    def _style(self, node: Any) -> str:
        """A paragraph's style by its lasting name: what is set by hand has one of its own."""
        name = node.get(f"{TEXT}style-name") or ""
        for _ in range(_MAX_NESTING):
            if name.startswith(("Title", "Heading_20_", "Preformatted")):
                break
            name, before = self._parents.get(name) or "", name
            if not name:
                return before
        return name

    def _pages(self, body: Any, word: str) -> bool:
        pages = list(body.iterfind(f"{DRAW}page"))
        has_content = False
        for number, page in enumerate(pages, start=1):
            if self.draft.full:
                break
            step(number - 1, len(pages))
            has_content = self._page(page, f"{word} {number}") or has_content
        return has_content

    def _page(self, page: Any, label: str) -> bool:
        frames = sorted((node for node in page if node.tag in FRAMES), key=_place)
        titled = next((f for f in frames if f.get(f"{PRESENTATION}class") == "title"), None)
        title = " ".join(all_text(titled).split()) if titled is not None else ""
        self.title = self.title or title
        self.draft.heading(1, f"{label}: {title}" if title else label)
        before = len(self.draft.blocks)
        for frame in frames:
            if frame is not titled and frame.get(f"{PRESENTATION}class") not in _MARGIN_CLASSES:
                self._frame(frame, 0)
        for notes in page.iterfind(f"{PRESENTATION}notes"):
            for frame in notes.iter(f"{DRAW}frame"):
                if frame.get(f"{PRESENTATION}class") not in _MARGIN_CLASSES:
                    self.draft.add(all_text(frame), "note")
        for annotation in page.iterfind(f"{OFFICE}annotation"):
            self.draft.add(comment_text(annotation), "note")
        return bool(title) or len(self.draft.blocks) > before


def _unwrapped(container: Any) -> Iterator[Any]:
    """What stands below an element, sections and the like opened; indexes are left out."""
    stack = list(reversed(container))
    while stack:
        node = stack.pop()
        if node.tag in _WRAPPERS:
            stack += reversed(node)
        else:
            yield node


def _heading_level(node: Any, style: str) -> int | None:
    if node.tag == f"{TEXT}h":
        return max(1, min(count(node, f"{TEXT}outline-level"), 10))
    if style == "Title":
        return 0
    number = style.removeprefix("Heading_20_")
    return int(number) if number != style and number.isdecimal() and len(number) == 1 else None


def _cell(cell: Any) -> Cell:
    columns = min(count(cell, f"{TABLE}number-columns-spanned"), 100)
    rows = min(count(cell, f"{TABLE}number-rows-spanned"), 1000)
    return Cell(all_text(cell), max(1, columns), max(1, rows))


def _place(frame: Any) -> tuple[int, float]:
    """A frame's place on a page: rows from top to bottom, each from left to right."""
    return int(_length_cm(frame.get(f"{SVG}y")) // _ROW_CM), _length_cm(frame.get(f"{SVG}x"))


def _length_cm(value: str | None) -> float:
    try:
        return float((value or "")[:-2]) * _LENGTHS_CM.get((value or "")[-2:], 0.0)
    except ValueError:
        return 0.0


def _metadata(data: bytes) -> dict[str, str]:
    try:
        meta = parse_xml(data).find(f"{OFFICE}meta") if data else None
    except ExtractError:
        meta = None
    found: dict[str, str] = {}
    for name, key in _META.items():
        value = " ".join((meta.findtext(name) or "").split()) if meta is not None else ""
        if value:
            found.setdefault(key, value)
    return found
