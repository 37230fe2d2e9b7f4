"""What a PDF says of itself: its table of contents, author, dates, language.

Runs in a worker process only.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pymupdf as _pymupdf

from prismd.extract.pdf.heading import OutlineEntry
from prismd.extract.pdf.layer import GARBAGE

pymupdf: Any = _pymupdf  # It is typed in part only.

ERRORS = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)
"""What PyMuPDF raises on a broken file."""

_MEMORY = re.compile(r"\b[mc]alloc\b|realloc|bad_alloc")
_ERROR_CODE = re.compile(r"^code=\d+: ")
_NOT_OPENED = ("Failed to open", "Cannot open")
"""What names the path, and says no more than this."""
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_MAX_NAMED = 20


def cause(error: BaseException) -> str:
    """What went wrong in one of ``ERRORS``, without MuPDF's numbers and the file's path.

    Raises:
        MemoryError: There was not enough memory, so that the file is not to blame. MuPDF gives
            back little of what it held: nothing else can be read by this process.
    """
    for each in (error, error.__cause__):
        if each is not None and _MEMORY.search(str(each)):
            raise MemoryError(str(each)) from error
    said = _ERROR_CODE.sub("", " ".join(str(error).split())).rstrip(".")
    return "damaged beyond repair" if not said or said.startswith(_NOT_OPENED) else said


def outline(document: Any) -> list[OutlineEntry]:
    """The file's own table of contents; empty when it has none that can be read."""
    with contextlib.suppress(*ERRORS):
        return [
            OutlineEntry(level, title, page) for level, title, page in document.get_toc(simple=True)
        ]
    return []


def metadata(document: Any) -> dict[str, str]:
    """What the file says of itself; dates as ISO, empty fields left out."""
    given = document.metadata or {}
    found = {key: _clean(given.get(key)) for key in ("title", "author", "subject", "keywords")}
    found["created"] = _iso_date(given.get("creationDate"))
    found["modified"] = _iso_date(given.get("modDate"))
    found["pages"] = str(document.page_count)
    with contextlib.suppress(*ERRORS):
        found["attachments"] = ", ".join(map(_clean, document.embfile_names()[:_MAX_NAMED]))
    return {key: value for key, value in found.items() if value}


def language(document: Any) -> str:
    """The language that the file names, as it does; often none."""
    with contextlib.suppress(*ERRORS):
        kind, value = document.xref_get_key(document.pdf_catalog(), "Lang")
        if kind == "string":
            return _clean(value)
    return ""


def _clean(value: object) -> str:
    return " ".join(GARBAGE.sub(" ", str(value or "")).split())


def _iso_date(value: object) -> str:
    """A PDF date as an ISO date with time, as far as it is given."""
    if not (match := _DATE.match(str(value or ""))):
        return ""
    year, month, day, hour, minute, second = match.groups()
    date = "-".join(part for part in (year, month, day) if part)
    return f"{date}T{hour}:{minute}:{second}" if second else date
