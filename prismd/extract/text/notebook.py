"""Jupyter notebooks: cells in their order, Markdown as text, code with what it put out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions
from prismd.extract.damage import broken
from prismd.extract.decode import decode
from prismd.extract.draft import Draft
from prismd.extract.text.html import parse_html, write_html
from prismd.extract.text.markdown import markdown_blocks
from prismd.extract.written import written

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ATTACHED = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]{100,}")
_MAX_OUTPUT_CHARS = 20_000
_BYTES_PER_CHAR = 4


class NotebookExtractor:
    """Reads notebooks of formats 3 and 4."""

    version: ClassVar[str] = "notebook-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a notebook; see ``Extractor``."""
        with path.open("rb") as file:
            text, warnings = decode(file.read(options.max_chars * _BYTES_PER_CHAR))
        try:
            notebook = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise broken(str(error)) from error
        draft = Draft(options.max_chars)
        for cell in _cells(notebook):
            _write_cell(cell, draft)
        heading = next((b for b in draft.blocks if b.kind == "heading"), None)
        own = _get(notebook, "metadata", "title")
        language = _get(notebook, "metadata", "kernelspec", "language")
        return written(
            draft,
            options,
            {
                **({"title": own} if isinstance(own, str) else {}),
                **({"programming_language": language} if isinstance(language, str) else {}),
            },
            title=draft.text[heading.start : heading.end].lstrip("# ") if heading else "",
            warnings=warnings,
        )


def _cells(notebook: Any) -> list[dict[str, Any]]:
    cells = _get(notebook, "cells")
    sheets = _get(notebook, "worksheets")
    if cells is None and isinstance(sheets, list):
        cells = [cell for sheet in sheets for cell in _get(sheet, "cells") or ()]
    if not isinstance(cells, list):
        raise broken("it has no cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def _write_cell(cell: dict[str, Any], draft: Draft) -> None:
    source = _ATTACHED.sub("", _joined(cell.get("source", cell.get("input"))))
    kind = cell.get("cell_type")
    if kind == "code":
        draft.add(source, "code")
        for output in _listed(cell.get("outputs")):
            _write_output(output, draft)
    elif kind == "heading":
        level = cell.get("level")
        draft.heading(level if isinstance(level, int) and 0 < level < 7 else 1, source)
    elif kind == "markdown":
        for block in markdown_blocks(source, 0):
            text = source[block.start : block.end]
            if block.kind == "heading":
                marks = len(text) - len(text.lstrip("#"))
                rule = 2 if text.rstrip().endswith("-") else 1
                draft.heading(marks or rule, text.split("\n")[0].strip("# "))
            else:
                draft.add(text, block.kind)
    else:
        draft.add(source)


def _write_output(output: Any, draft: Draft) -> None:
    data = _get(output, "data") or output
    text = _joined(_get(output, "text")) or _joined(_get(data, "text/plain"))
    html = _joined(_get(data, "text/html"))
    if _get(output, "output_type") in ("error", "pyerr"):
        text = f"{_get(output, 'ename')}: {_get(output, 'evalue')}"
    elif "<table" in html:
        # What is shown as a table has been squeezed together in its plain form.
        write_html(parse_html(html[: 10 * _MAX_OUTPUT_CHARS]), draft, below=6)
        return
    draft.add(_COLOURS.sub("", text)[:_MAX_OUTPUT_CHARS], "code")


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
