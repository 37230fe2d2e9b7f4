"""RTF by striprtf: paragraphs, tables and footnotes; title and author from the document itself."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import ClassVar

from striprtf.striprtf import rtf_to_text

from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.draft import Draft
from prismd.extract.table import Cell, markdown_table
from prismd.extract.text.rtf_source import ordered, without_binary
from prismd.extract.written import written

_CODE_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")
_INFO = re.compile(r"\{\\(title|author|subject|keywords)[ \r\n]((?:[^{}\\]|\\.){1,2000})\}")
# What the library skips though it is there to be read: a footnote stands where it is called.
_NOTE = re.compile(r"\{\\(?:\*\\)?(?:footnote|annotation)\b(?:\\ftnalt\b)?")
_CELL_END = "|"
# A paragraph's outline level is put into its text as a sign of no script, to be found again.
_OUTLINE = re.compile(r"\\outlinelevel([0-8])(?!\d) ?")
_FIRST_MARK = 0xE000
_MARKS = re.compile("[\ue000-\ue008]")
_HEADING_CHARS = 300


class RtfExtractor:
    """Reads RTF."""

    version: ClassVar[str] = "rtf-2"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read an RTF document; see ``Extractor``."""
        data = without_binary(path.read_bytes().lstrip(b"\xef\xbb\xbf"))
        encoding = _encoding(data)
        source = ordered(data.decode(encoding, "replace").replace("\x00", ""))
        try:
            source = _OUTLINE.sub(lambda found: _marked(int(found[1])), source)
            text = _plain(_NOTE.sub(r"{\\plain  ", source), encoding)
        except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise broken(f"{type(error).__name__}: {error}") from error
        draft = Draft(options.max_chars)
        _write(text, draft)
        metadata = {
            name: " ".join(_plain("{\\rtf1 " + value + "}", encoding).split())
            for name, value in _INFO.findall(source[:100_000])
        }
        return written(draft, options, {key: value for key, value in metadata.items() if value})


def _marked(level: int) -> str:
    return f"\\u{_FIRST_MARK + level} {{}}"


def _encoding(data: bytes) -> str:
    found = _CODE_PAGE.search(data[:4096])
    name = f"cp{found[1].decode()}" if found else "cp1252"
    try:
        return codecs.lookup("utf-8" if name == "cp65001" else name).name
    except LookupError:
        return "cp1252"


def _plain(source: str, encoding: str) -> str:
    text = str(rtf_to_text(source, encoding, errors="replace"))  # type: ignore[no-untyped-call]
    # Signs beyond the first 65536 come as two halves.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\xad", "").replace("\x0b", "\n").replace("\x0c", "\n").replace("\r", "\n")


def _write(text: str, draft: Draft) -> None:
    """Write lines down: rows of cells as tables, those with an outline level as headings."""
    rows: list[str] = []
    for line in (*text.split("\n"), ""):
        if line.endswith(_CELL_END) and line.strip(f"{_CELL_END} "):
            rows.append(line)
            continue
        if rows:
            draft.add(_table(rows), "table")
            rows = []
        marks = _MARKS.findall(line)
        shown = _MARKS.sub("", line).strip()
        if marks and len(shown) <= _HEADING_CHARS:
            draft.heading(ord(marks[-1]) - _FIRST_MARK + 1, shown)
        else:
            draft.add(shown)


def _table(rows: list[str]) -> str:
    cells = [_MARKS.sub("", row).removesuffix(_CELL_END).split(_CELL_END) for row in rows]
    return markdown_table([[Cell(text) for text in row] for row in cells])
