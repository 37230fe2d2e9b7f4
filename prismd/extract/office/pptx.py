"""PPTX by python-pptx: slide by slide in reading order, tables, charts, diagrams, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from lxml import etree
from pptx.exc import InvalidXmlError, PackageNotFoundError
from pptx.package import Package

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.office.drawing import (
    A,
    C,
    alternative_text,
    chart_text,
    diagram_lines,
    paragraph_text,
)
from prismd.extract.package import open_package, parse_xml
from prismd.extract.steps import step
from prismd.extract.table import Cell, markdown_table
from prismd.extract.written import office_properties, written

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_TITLES = frozenset({"title", "ctrTitle"})
_MARGINS = frozenset({"dt", "sldNum", "hdr", "sldImg"})
_BODIES = frozenset({"body", "obj"})
_NO_TITLES = frozenset({"powerpoint presentation", "powerpoint-präsentation", "slide 1", "titel"})
_MAX_NESTING = 32
_ROW_SHARE = 20


class PptxExtractor:
    """Reads PPTX, PPTM, PPSX and POTX; hidden slides as well."""

    version: ClassVar[str] = "pptx-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a presentation; see ``Extractor``."""
        package = open_package(path)
        draft = Draft(options.max_chars)
        try:
            presentation = Package.open(package).presentation_part
            reader = _Reader(presentation, draft)
            reader.read()
            metadata = office_properties(presentation.package.core_properties)
        except (
            *(KeyError, ValueError, AttributeError, TypeError, IndexError),
            *(etree.XMLSyntaxError, InvalidXmlError, PackageNotFoundError),
        ) as error:
            raise broken(f"{type(error).__name__}: {error}") from error
        if metadata.get("title", "").lower() in _NO_TITLES:
            del metadata["title"]
        return written(draft, options, metadata, title=reader.title, has_content=reader.has_content)


class _Reader:
    """Writes one presentation down."""

    def __init__(self, presentation: Any, draft: Draft) -> None:
        self.title = ""
        self.has_content = False
        self._presentation = presentation
        self._draft = draft
        self._footers: set[str] = set()
        self._slide: Any = None

    def read(self) -> None:
        """All slides, in their order."""
        slides = self._presentation.presentation.slides
        height = self._presentation.presentation.slide_height or 0
        authors = self._authors()
        read: set[Any] = set()
        for number, slide in enumerate(slides, start=1):
            if self._draft.full:
                break
            step(number - 1, len(slides))
            if slide.part in read:
                # A slide is shown once, however often the presentation says so.
                continue
            read.add(slide.part)
            self._slide = slide
            shapes = list(_ordered(_shapes(slide.element.find(f".//{_P}spTree")), slide, height))
            titled = next((shape for shape in shapes if _placeholder(shape) in _TITLES), None)
            title = " ".join(" ".join(_lines(titled)).split()) if titled is not None else ""
            hidden = " (hidden)" if slide.element.get("show") in ("0", "false") else ""
            self.title = self.title or title
            self.has_content = self.has_content or bool(title)
            self._draft.heading(1, f"Slide {number}{hidden}" + (f": {title}" if title else ""))
            before = len(self._draft.blocks)
            for shape in shapes:
                if shape is not titled:
                    self._shape(shape, 0)
            self._notes()
            self._comments(authors)
            self.has_content = self.has_content or len(self._draft.blocks) > before

    def _shape(self, shape: Any, depth: int) -> None:
        if depth > _MAX_NESTING or self._draft.full:
            return
        if shape.tag == f"{_P}grpSp":
            for inner in _shapes(shape):
                self._shape(inner, depth + 1)
            return
        kind = _placeholder(shape)
        if kind in _MARGINS:
            return
        if shape.tag == f"{_P}graphicFrame":
            self._frame(shape)
        elif kind == "ftr":
            text = "\n".join(_lines(shape))
            if text not in self._footers:
                self._footers.add(text)
                self._draft.add(text, "note")
        else:
            self._text(shape, kind)
        properties = next(shape.iter(f"{_P}cNvPr"), None)
        if properties is not None:
            self._draft.add(alternative_text(properties), "caption")

    def _text(self, shape: Any, kind: str) -> None:
        body = shape.find(f"{_P}txBody")
        if body is None:
            return
        lines = []
        marked = False
        for paragraph in body.iterfind(f"{A}p"):
            if text := paragraph_text(paragraph).replace("\v", "\n").strip():
                marker = _marker(paragraph, kind in _BODIES)
                marked = marked or bool(marker)
                indent = " " * len(marker)
                lines.append(marker + text.replace("\n", f"\n{indent}"))
        if len(lines) == 1:
            # A single point is a sentence.
            self._draft.add(lines[0].lstrip(" -"))
        else:
            self._draft.add("\n".join(lines), "list" if marked else "paragraph")

    def _frame(self, frame: Any) -> None:
        """A table, chart or diagram."""
        if (table := next(frame.iter(f"{A}tbl"), None)) is not None:
            self._draft.add(markdown_table(list(_rows(table))), "table")
        for reference in frame.iter(f"{C}chart"):
            if (root := self._related(reference.get(f"{_R}id"))) is not None:
                titles, figures = chart_text(root)
                self._draft.add(titles, "caption")
                self._draft.add(figures, "table")
        for reference in frame.iter(f"{_DGM}relIds"):
            if (root := self._related(reference.get(f"{_R}dm"))) is not None:
                self._draft.add("\n".join(f"- {line}" for line in diagram_lines(root)), "list")

    def _related(self, identity: str | None) -> Any | None:
        relations = self._slide.part.rels
        if identity is None or identity not in relations or relations[identity].is_external:
            return None
        return _parsed(relations[identity].target_part)

    def _notes(self) -> None:
        for root in _parts(self._slide.part, "/notesSlide"):
            for shape in _shapes(root.find(f".//{_P}spTree")):
                if _placeholder(shape) not in _MARGINS | {"ftr"}:
                    self._draft.add("\n".join(_lines(shape)), "note")

    def _comments(self, authors: dict[str, str]) -> None:
        for root in _parts(self._slide.part, "/comments"):
            for comment in root.iter("{*}cm", "{*}reply"):
                text = " ".join(
                    (node.text or "")
                    for child in comment
                    if etree.QName(child).localname in ("text", "txBody")
                    for node in (child.iter(f"{A}t") if len(child) else [child])
                )
                author = authors.get(comment.get("authorId") or "", "")
                if text := " ".join(text.split()):
                    self._draft.add(
                        f"Comment by {author}: {text}" if author else f"Comment: {text}", "note"
                    )

    def _authors(self) -> dict[str, str]:
        return {
            author.get("id") or "": author.get("name") or ""
            for kind in ("/commentAuthors", "/authors")
            for root in _parts(self._presentation, kind)
            for author in root.iter("{*}cmAuthor", "{*}author")
        }


def _parts(part: Any, kind: str) -> Iterator[Any]:
    """The roots of the parts that a part refers to by relationships of a kind."""
    for relation in part.rels.values():
        if relation.reltype.endswith(kind) and not relation.is_external:
            root = _parsed(relation.target_part)
            if root is not None:
                yield root


def _parsed(part: Any) -> Any | None:
    try:
        return parse_xml(part.blob)
    except ExtractError:
        return None


def _shapes(tree: Any | None) -> Iterator[Any]:
    """The shapes right below a tree or group; of alternatives the one that has more to read."""
    for node in tree if tree is not None else ():
        if node.tag == f"{_MC}AlternateContent":
            branches = [list(_shapes(branch)) for branch in node]
            yield from max(branches, key=lambda shapes: sum(map(_letters, shapes)), default=[])
        elif node.tag in (
            *(f"{_P}sp", f"{_P}grpSp", f"{_P}graphicFrame", f"{_P}pic", f"{_P}cxnSp"),
        ):
            yield node


def _letters(shape: Any) -> int:
    return sum(len(node.text or "") for node in shape.iter(f"{A}t"))


def _ordered(shapes: Iterable[Any], slide: Any, height: int) -> list[Any]:
    """Shapes from top to bottom and left to right, the title first.

    What stands at nearly the same height is a row. The order in the file is that in which they
    were drawn, and decides only where places are equal or unknown.
    """
    row = max(1, height // _ROW_SHARE)
    inherited = {}
    for holder in slide.slide_layout.placeholders:
        inherited[holder.placeholder_format.idx] = (holder.top or 0, holder.left or 0)

    def place(shape: Any) -> tuple[bool, int, int]:
        offset = next(shape.iter(f"{A}off", f"{_P}off"), None)
        top, left = 0, 0
        if offset is not None:
            top, left = int(offset.get("y", "0")), int(offset.get("x", "0"))
        elif (fills := next(shape.iter(f"{_P}ph"), None)) is not None:
            index = fills.get("idx", "0")
            top, left = inherited.get(int(index) if index.isdecimal() else 0, (0, 0))
        return _placeholder(shape) not in _TITLES, top // row, left

    return sorted(shapes, key=place)


def _placeholder(shape: Any) -> str:
    """Which placeholder a shape fills, such as ``title``; empty when it fills none."""
    own = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return (own.get("type") or "obj") if own is not None else ""


def _lines(shape: Any) -> Iterator[str]:
    for paragraph in shape.iter(f"{A}p"):
        if text := paragraph_text(paragraph).replace("\v", "\n").strip():
            yield text


def _marker(paragraph: Any, in_body: bool) -> str:
    """What stands before a paragraph; the texts of a slide's body are points by default."""
    properties = paragraph.find(f"{A}pPr")
    level = 0
    if properties is not None:
        number = properties.get("lvl", "0")
        level = int(number) if number.isdecimal() and len(number) == 1 else 0
        if properties.find(f"{A}buNone") is not None:
            return "  " * level
        if any(properties.find(f"{A}{kind}") is not None for kind in ("buChar", "buAutoNum")):
            in_body = True
    return "  " * level + "- " if in_body else ""


def _rows(table: Any) -> Iterator[list[Cell]]:
    for row in table.iterfind(f"{A}tr"):
        cells = []
        for cell in row.iterfind(f"{A}tc"):
            # What is merged into a cell to its left is no cell; what goes on from above is empty.
            if cell.get("hMerge") in ("1", "true"):
                continue
            span = cell.get("gridSpan", "1")
            columns = max(1, min(int(span), 100)) if span.isdecimal() and len(span) < 6 else 1
            goes_on = cell.get("vMerge") in ("1", "true")
            cells.append(Cell("" if goes_on else "\n".join(_lines(cell)), columns))
        yield cells
