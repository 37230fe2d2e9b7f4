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

from prismd.domain import Extraction, Layout
from prismd.errors import EncryptedDocument, ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import Draft, cut_warning
from prismd.extract.office.number_format import shown
from prismd.extract.office.sheet import MAX_COLUMNS, SheetWriter
from prismd.extract.package import broken, check_compound
from prismd.extract.steps import step

_STEP_ROWS = 5_000


class XlsExtractor:
    """Reads the workbooks of Excel 97 to 2003; hidden sheets as well."""

    version: ClassVar[str] = "xls-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a workbook; see ``Extractor``."""
        check_compound(path)
        draft = Draft(options.max_chars)
        try:
            book = xlrd.open_workbook(
                str(path), logfile=io.StringIO(), formatting_info=True, ragged_rows=True
            )
            has_content = _write(book, draft)
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
        if not has_content:
            raise ExtractError(
                "there is no text in it; nothing is to be done", code="empty", skip=True
            )
        return Extraction(
            text=draft.text,
            blocks=tuple(draft.blocks),
            layout=Layout("text"),
            warnings=(cut_warning(options.max_chars),) if draft.full else (),
        )


def _write(book: Any, draft: Draft) -> bool:
    has_content = False
    for n, sheet in enumerate(book.sheets()):
        if draft.full:
            break
        draft.heading(1, f"{sheet.name} (hidden)" if sheet.visibility else sheet.name)
        before = len(draft.blocks)
        writer = SheetWriter(draft)
        for row in range(sheet.nrows):
            if draft.full:
                break
            if row % _STEP_ROWS == 0:
                step(n, book.nsheets)
            writer.row([_shown(book, cell) for cell in sheet.row(row)[:MAX_COLUMNS]])
        writer.close()
        for text in _notes(sheet):
            draft.add(text, "note")
        has_content = has_content or len(draft.blocks) > before
    return has_content


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
