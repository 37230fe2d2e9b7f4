"""DOCX by python-docx: the document in its own order, notes, comments, headers and footers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docx.opc.package import OpcPackage
from lxml import etree

from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.office.docx_inline import W, paragraph_text, parse, text_boxes
from prismd.extract.office.docx_style import Numbering, Styles
from prismd.extract.package import open_package
from prismd.extract.steps import step
from prismd.extract.table import Cell, markdown_table
from prismd.extract.written import office_properties, written

_MAX_NESTING = 8
_PROPERTIES = "/core-properties"
_STEP_PARAGRAPHS = 256
_WRAPPERS = frozenset(
    f"{W}{name}" for name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")
)


class DocxExtractor:
    """Reads DOCX, DOCM and DOTX."""

    version: ClassVar[str] = "docx-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a Word document; see ``Extractor``."""
        package = open_package(path)
        try:
            document = OpcPackage.open(package)
            reader = _Reader(document, Draft(options.max_chars))
            reader.read()
        except (KeyError, ValueError, AttributeError, etree.XMLSyntaxError) as error:
            raise broken(f"{type(error).__name__}: {error}") from error
        metadata = _metadata(document)
        return written(reader.draft, options, metadata, title=reader.title)


class _Reader:
    """Writes one document down."""

    def __init__(self, package: Any, draft: Draft) -> None:
        self.draft = draft
        self.title = ""
        main = package.main_document_part
        self._main = main
        self._body = parse(main.blob).find(f"{W}body")
        self._styles = Styles(self._related("/styles"))
        self._numbering = Numbering(self._related("/numbering"))
        self._notes: list[tuple[str, str]] = []
        self._paragraphs = self._total = 0
        self._items: list[str] = []
        self._code: list[str] = []

    def read(self) -> None:
        """Headers, body, footnotes and endnotes, comments, footers: in this order."""
        if self._body is None:
            raise broken("it has no body")
        self._total = sum(1 for _ in self._body.iter(f"{W}p"))
        self._margins("/header")
        self._container(self._body)
        self._flush()
        self._write_notes()
        self._write_comments()
        self._margins("/footer")

    def _related(self, kind: str) -> Any | None:
        return next(self._all_related(kind), None)

    def _all_related(self, kind: str) -> Iterator[Any]:
        """The parsed parts that the main part refers to by relationships of a kind."""
        for relation in self._main.rels.values():
            if relation.reltype.endswith(kind) and not relation.is_external:
                with contextlib.suppress(etree.XMLSyntaxError, ValueError):
                    yield parse(relation.target_part.blob)

    def _margins(self, kind: str) -> None:
        """Headers or footers: each text once, though sections repeat them."""
        seen: set[str] = set()
        for root in self._all_related(kind):
            text = "\n".join(filter(None, map(str.strip, self._lines(root, 0))))
            if text and text not in seen:
                seen.add(text)
                self.draft.add(text, "note")

    def _container(self, container: Any) -> None:
        """Paragraphs and tables of the body, of a text box or of a content control."""
        stack = [container]
        while stack and not self.draft.full:
            node = stack.pop()
            if node is container or node.tag in _WRAPPERS:
                stack += reversed(list(node))
            elif node.tag == f"{W}p":
                self._paragraph(node)
            elif node.tag == f"{W}tbl":
                self._flush()
                self._table(node)

    def _paragraph(self, paragraph: Any) -> None:
        text = self._text(paragraph)
        level = self._styles.heading_level(paragraph)
        numbered = self._styles.numbering(paragraph) if text.strip() else None
        if level is not None and text.strip():
            self._flush()
            self._heading(level, text, numbered)
        elif numbered is not None:
            self._flush_code()
            marker = self._numbering.marker(*numbered)
            self._items.append(f"{'  ' * min(numbered[1], 8)}{marker} {text.strip()}".rstrip())
        elif self._styles.is_code(paragraph):
            self._flush_items()
            self._code.append(text)
        elif text.strip():
            self._flush()
            self.draft.add(text)
        for box in text_boxes(paragraph):
            self._flush()
            self._container(box)
            self._flush()

    def _text(self, paragraph: Any) -> str:
        if self._paragraphs % _STEP_PARAGRAPHS == 0:
            step(min(self._paragraphs, self._total), self._total)
        self._paragraphs += 1
        return paragraph_text(paragraph, self._notes)

    def _heading(self, level: int, text: str, numbered: tuple[str, int] | None) -> None:
        text = " ".join(text.split())
        if level == 0:
            self.title = self.title or text
        if numbered is not None and (marker := self._numbering.marker(*numbered)) not in ("", "-"):
            text = f"{marker} {text}"
        self.draft.heading(max(0, level), text)

    def _flush(self) -> None:
        self._flush_items()
        self._flush_code()

    def _flush_items(self) -> None:
        if self._items:
            self.draft.add("\n".join(self._items), "list")
            self._items.clear()

    def _flush_code(self) -> None:
        if self._code:
            self.draft.add("\n".join(self._code), "code")
            self._code.clear()

    def _table(self, table: Any) -> None:
        rows = list(_table_rows(table))
        cells = [cell for row in rows for cell in _unwrapped(row, f"{W}tc")]
        if len(cells) == 1 and rows[0].find(f"{W}trPr/{W}gridBefore") is None:
            # A table of one cell is a frame around ordinary text.
            self._container(cells[0])
            self._flush()
            return
        self.draft.add(markdown_table(list(self._rows(table, 0))), "table")

    def _rows(self, table: Any, depth: int) -> Iterator[list[Cell]]:
        """The cells that begin in each row; a cell merged downwards goes on as an empty one."""
        for row in _table_rows(table):
            cells: list[Cell] = []
            before = row.find(f"{W}trPr/{W}gridBefore")
            if before is not None:
                cells.append(Cell("", _count(before)))
            for cell in _unwrapped(row, f"{W}tc"):
                span = cell.find(f"{W}tcPr/{W}gridSpan")
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                goes_on = merged is not None and merged.get(f"{W}val", "continue") == "continue"
                text = "" if goes_on else "\n".join(self._lines(cell, depth + 1))
                cells.append(Cell(text, _count(span)))
            yield cells

    def _lines(self, container: Any, depth: int) -> Iterator[str]:
        """All text below an element, a line per paragraph; inner tables a line per row."""
        if depth > _MAX_NESTING:
            return
        for node in _unwrapped(container, f"{W}p", f"{W}tbl"):
            if node.tag == f"{W}tbl":
                for row in self._rows(node, depth):
                    yield " ; ".join(cell.text for cell in row if cell.text)
                continue
            text = self._text(node)
            numbered = self._styles.numbering(node) if text.strip() else None
            if numbered is not None:
                text = f"{self._numbering.marker(*numbered)} {text}"
            if text.strip():
                yield text
            for box in text_boxes(node):
                yield from self._lines(box, depth + 1)

    def _write_notes(self) -> None:
        """Foot- and endnotes, by the numbers that their references have in the text."""
        texts = {
            (kind, note.get(f"{W}id")): " ".join(self._lines(note, 1)).strip()
            for kind in ("footnote", "endnote")
            for root in self._all_related(f"/{kind}s")
            for note in root.iterfind(f"{W}{kind}")
        }
        for number, reference in enumerate(list(self._notes), start=1):
            if text := texts.get(reference):
                self.draft.add(f"[{number}] {text}", "note")

    def _write_comments(self) -> None:
        for root in self._all_related("/comments"):
            for comment in root.iterfind(f"{W}comment"):
                text = " ".join(self._lines(comment, 1)).strip()
                author = (comment.get(f"{W}author") or "").strip()
                if text:
                    self.draft.add(
                        f"Comment by {author}: {text}" if author else f"Comment: {text}", "note"
                    )


def _table_rows(table: Any) -> Iterator[Any]:
    """The rows of a table that are not deleted."""
    for row in _unwrapped(table, f"{W}tr"):
        if row.find(f"{W}trPr/{W}del") is None:
            yield row


def _unwrapped(parent: Any, *tags: str) -> Iterator[Any]:
    """Children of some tags, content controls and the like opened."""
    stack = list(reversed(parent))
    while stack:
        node = stack.pop()
        if node.tag in tags:
            yield node
        elif node.tag in _WRAPPERS:
            stack += reversed(node)


def _count(element: Any | None) -> int:
    value = element.get(f"{W}val", "1") if element is not None else "1"
    return max(1, min(int(value), 100)) if value.isdecimal() and len(value) < 6 else 1


def _metadata(package: Any) -> dict[str, str]:
    if not any(relation.reltype.endswith(_PROPERTIES) for relation in package.rels.values()):
        # The library would tell of a "Word Document" that was changed just now.
        return {}
    with contextlib.suppress(KeyError, ValueError, AttributeError, etree.XMLSyntaxError):
        return office_properties(package.core_properties)
    return {}
