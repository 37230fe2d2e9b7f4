"""XLS by xlrd: sheet by sheet, values as they are shown."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import xlrd
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from prismd.domain import Extraction
from prismd.errors import EncryptedDocument
from prismd.extract.base import ExtractOptions
from prismd.extract.compound import check_compound
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.office.number_format import shown
from prismd.extract.office.sheet import MAX_COLUMNS, SheetWriter, has_cells
from prismd.extract.written import written


class XlsExtractor:
    """Reads the workbooks of Excel 97 to 2003; hidden sheets as well."""

    version: ClassVar[str] = "xls-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a workbook; see ``Extractor``."""
        check_compound(path)
        draft = Draft(options.max_chars)
        try:
            book = xlrd.open_workbook(
                str(path), logfile=io.StringIO(), formatting_info=True, ragged_rows=True
            )
            _write(book, draft)
        except XLRDError as error:
            if "encrypted" in str(error):
                raise EncryptedDocument(
                    "encrypted; save it without a password to index it"
                ) from error
            raise broken(str(error)) from error
        except (
            *(ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError),
            *(OSError, ArithmeticError, struct.error, NotImplementedError, RecursionError),
            CompDocError,
        ) as error:
            raise broken(f"{type(error).__name__}: {error}") from error
        return written(draft, options, {}, has_content=has_cells(draft))


def _write(book: Any, draft: Draft) -> None:
    for n, sheet in enumerate(book.sheets()):
        if draft.full:
            break
        draft.heading(1, f"{sheet.name} (hidden)" if sheet.visibility else sheet.name)
        writer = SheetWriter(draft, n, book.nsheets)
        for row in range(sheet.nrows):
            if draft.full:
                break
            writer.row([_shown(book, cell) for cell in sheet.row(row)[:MAX_COLUMNS]])
        writer.close()
        for text in _notes(sheet):
            draft.add(text, "note")


def _shown(book: Any, cell: Any) -> str:
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, ""))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return shown(bool(cell.value))
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            moment = xlrd.xldate_as_datetime(cell.value, book.datemode)
        except (xlrd.xldate.XLDateError, ValueError, OverflowError):
            return shown(cell.value)
        return shown(moment if cell.value >= 1 else moment.time())
    return shown(cell.value, _format(book, cell.xf_index))


def _format(book: Any, index: int | None) -> str:
    if index is None or index >= len(book.xf_list):
        return "General"
    found = book.format_map.get(book.xf_list[index].format_key)
    return str(found.format_str) if found else "General"


def _notes(sheet: Any) -> Iterator[str]:
    for (row, column), note in sorted(sheet.cell_note_map.items()):
        if text := " ".join(note.text.removeprefix(f"{note.author}:").split()):
            by = f" by {note.author}" if note.author else ""
            yield f"Comment on {xlrd.cellname(row, column)}{by}: {text}"
