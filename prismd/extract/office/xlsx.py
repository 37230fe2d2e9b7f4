"""XLSX by openpyxl: sheet by sheet, values as they are shown, comments, charts, text boxes."""

from __future__ import annotations

import contextlib
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar

import openpyxl
from lxml import etree
from openpyxl.cell.read_only import ReadOnlyCell

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.office.drawing import alternative_text, chart_text, paragraphs
from prismd.extract.office.number_format import shown
from prismd.extract.office.sheet import MAX_COLUMNS, SheetWriter, has_cells
from prismd.extract.package import core_metadata, open_package, parse_xml
from prismd.extract.written import written

_MOST_EMPTY_ROWS = 1_100_000
# Possessive: however much white space there is, it is gone through once.
_UNCOMPUTED = re.compile(rb"</f>\s*+(?:<v\s*+/>|<v>\s*+</v>)?+\s*+</c>|<f[^>]*/>\s*+</c>")
# Beyond what Excel takes, and slow to search for dates.
_LONG_FORMAT = re.compile(rb"formatCode\s*+=\s*+(?:\"[^\"]{2000,}+\"|'[^']{2000,}+')")
_THREADED = "[Threaded comment]"


class XlsxExtractor:
    """Reads XLSX, XLSM and their templates; hidden sheets as well."""

    version: ClassVar[str] = "xlsx-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read an Excel workbook; see ``Extractor``."""
        package = open_package(path, _eased)
        draft = Draft(options.max_chars)
        try:
            with zipfile.ZipFile(package) as archive:
                reader = _Reader(archive, draft)
                with warnings.catch_warnings():
                    # It speaks of what it does not keep when writing; nothing is written here.
                    warnings.simplefilter("ignore")
                    reader.read(package)
                metadata = core_metadata(archive)
        except (
            *(KeyError, ValueError, AttributeError, TypeError, IndexError, OverflowError),
            *(zipfile.BadZipFile, etree.XMLSyntaxError, SyntaxError, OSError),
        ) as error:
            # Its parser says that XML is not well-formed by a SyntaxError.
            raise broken(f"{type(error).__name__}: {error}") from error
        return written(
            draft,
            options,
            metadata,
            has_content=has_cells(draft),
            warnings=tuple(reader.warnings),
        )


def _eased(name: str, data: bytes) -> bytes:
    """A part without what the library would be busy with for long, all to no purpose."""
    if name.endswith("styles.xml"):
        return _LONG_FORMAT.sub(b'formatCode="General"', data)
    if name.startswith("xl/worksheets/") and b"<dimension" not in data:
        # It reads all rows of a sheet that does not say its size, to know what is not asked.
        return data.replace(b"<sheetData", b'<dimension ref="A1"/><sheetData', 1)
    return data


class _Reader:
    """Writes one workbook down."""

    def __init__(self, archive: zipfile.ZipFile, draft: Draft) -> None:
        self.warnings: list[str] = []
        self._archive = archive
        self._draft = draft

    def read(self, package: IO[bytes]) -> None:
        """All sheets, in their order."""
        book = openpyxl.load_workbook(package, read_only=True, data_only=True, keep_links=False)
        sheets = list(book)
        persons = self._persons()
        read: set[PurePosixPath] = set()
        for n, sheet in enumerate(sheets):
            if self._draft.full:
                break
            hidden = "" if getattr(sheet, "sheet_state", "visible") == "visible" else " (hidden)"
            self._draft.heading(1, f"{sheet.title}{hidden}")
            part = PurePosixPath(sheet._worksheet_path)
            if part in read:
                # No program has two sheets of one part, but many are soon said to be.
                continue
            read.add(part)
            self._rows(sheet, SheetWriter(self._draft, n, len(sheets)))
            self._comments(part, persons)
            self._drawings(part)

    def _rows(self, sheet: Any, writer: SheetWriter) -> None:
        # A workbook may say any size of its sheets, such as all columns that there can be.
        sheet.reset_dimensions()
        # Rows as they are in the file: the library fills them up to their last column.
        sheet._get_row = lambda row, *_: row
        empty = 0
        wide = False
        for row in sheet.iter_rows():
            filled = [cell for cell in row if cell["value"] is not None]
            cells = [""] * min(MAX_COLUMNS, max((cell["column"] for cell in filled), default=0))
            for cell in filled:
                if cell["column"] <= MAX_COLUMNS:
                    number_format = ReadOnlyCell(sheet, **cell).number_format
                    cells[cell["column"] - 1] = shown(cell["value"], number_format)
                else:
                    wide = True
            writer.row(cells)
            empty = 0 if any(cells) else empty + 1
            if self._draft.full or empty > _MOST_EMPTY_ROWS:
                break
        writer.close()
        if wide:
            self.warnings.append(
                f"sheet {sheet.title}: only its first {MAX_COLUMNS} columns are indexed"
            )
        if _UNCOMPUTED.search(self._archive.read(sheet._worksheet_path)):
            self.warnings.append(
                f"sheet {sheet.title}: some formulas have no stored result; "
                "open it in a spreadsheet program and save it to index them"
            )

    def _comments(self, part: PurePosixPath, persons: dict[str, str]) -> None:
        threaded = [root for root, _ in self._related(part, "/threadedComment")]
        for root in threaded:
            for comment in root.iter("{*}threadedComment"):
                author = persons.get(comment.get("personId") or "", "")
                self._comment(comment, comment.findtext("{*}text") or "", author)
        for root, _ in self._related(part, "/comments"):
            authors = [(author.text or "").strip() for author in root.iter("{*}author")]
            for comment in root.iter("{*}comment"):
                text = "".join(node.text or "" for node in comment.iter("{*}t"))
                number = comment.get("authorId", "")
                known = number.isdecimal() and int(number) < len(authors)
                if not (threaded and text.startswith(_THREADED)):
                    self._comment(comment, text, authors[int(number)] if known else "")

    def _comment(self, comment: Any, text: str, author: str) -> None:
        # Excel itself begins a comment with its author's name.
        text = " ".join(text.removeprefix(f"{author}:").split())
        if text:
            by = f" by {author}" if author and not author.startswith("tc=") else ""
            self._draft.add(f"Comment on {comment.get('ref', '?')}{by}: {text}", "note")

    def _drawings(self, part: PurePosixPath) -> None:
        for root, drawing in self._related(part, "/drawing"):
            for text in paragraphs(root):
                self._draft.add(text)
            for properties in root.iter("{*}cNvPr"):
                self._draft.add(alternative_text(properties), "caption")
            for chart, _ in self._related(drawing, "/chart"):
                # Its figures stand in the cells.
                self._draft.add(chart_text(chart)[0], "caption")

    def _persons(self) -> dict[str, str]:
        workbook = PurePosixPath("xl/workbook.xml")
        return {
            person.get("id") or "": person.get("displayName") or ""
            for root, _ in self._related(workbook, "/person")
            for person in root.iter("{*}person")
        }

    def _related(self, part: PurePosixPath, kind: str) -> Iterator[tuple[Any, PurePosixPath]]:
        """The parsed parts, and their paths, that a part refers to by relationships of a kind."""
        relations = part.parent / "_rels" / f"{part.name}.rels"
        seen: set[PurePosixPath] = set()
        with contextlib.suppress(KeyError, ExtractError):
            for relation in parse_xml(self._archive.read(str(relations))):
                target = relation.get("Target") or ""
                if not (relation.get("Type") or "").endswith(kind) or not target:
                    continue
                found = _resolved(part.parent, target)
                if found in seen:
                    continue
                seen.add(found)
                with contextlib.suppress(KeyError, ExtractError):
                    yield parse_xml(self._archive.read(str(found))), found


def _resolved(folder: PurePosixPath, target: str) -> PurePosixPath:
    """The part that a relationship leads to: from the root, or from the folder of its owner."""
    if target.startswith("/"):
        return PurePosixPath(target.lstrip("/"))
    for step_ in PurePosixPath(target).parts:
        folder = folder.parent if step_ == ".." else folder / step_
    return folder
