"""CSV and TSV, kept as they stand in the file; the names of the columns are context."""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from prismd.domain import Block, Extraction, Layout
from prismd.extract.base import ExtractOptions
from prismd.extract.steps import step
from prismd.extract.table import column_names
from prismd.extract.text.text import read_text

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_CHARS = 1 << 16
_SAMPLE_ROWS = 100
_BLOCK_LINES = 200


class DelimitedExtractor:
    """Reads tables of delimited values; every line is one that can be cited."""

    version: ClassVar[str] = "delimited-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a table; see ``Extractor``."""
        text, warnings = read_text(path, options)
        delimiter = "\t" if media_type == "text/tab-separated-values" else None
        names = _names(text[:_SAMPLE_CHARS], delimiter)
        return Extraction(
            text=text,
            blocks=tuple(_blocks(text, names)),
            layout=Layout("text"),
            warnings=warnings,
        )


def _names(sample: str, delimiter: str | None) -> tuple[str, ...]:
    """The names of the columns as a heading, if the first row has them."""
    chosen = max((delimiter,) if delimiter else _DELIMITERS, key=lambda one: _fitness(sample, one))
    rows = _rows(sample, chosen)
    usual = _usual_columns(rows)
    # A title or remark may stand above the names.
    first = next((row for row in rows if usual > 1 and len(row) >= usual), [])
    return column_names(first) if len(rows) > 1 and len(set(first)) == len(first) else ()


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(sample.split("\n"), delimiter=delimiter, skipinitialspace=True)
    rows: list[list[str]] = []
    # After a field beyond the limit: what came before it tells enough.
    with contextlib.suppress(csv.Error):
        rows.extend(itertools.islice(reader, _SAMPLE_ROWS))
    return [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]


def _usual_columns(rows: list[list[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def _fitness(sample: str, delimiter: str) -> tuple[float, bool, int]:
    """How well a delimiter fits: rows of as many cells as most others, and of several cells.

    What has a space behind it is rather a sign within the text of the cells.
    """
    rows = _rows(sample, delimiter)
    usual = _usual_columns(rows)
    if usual < 2:
        return 0.0, False, usual
    in_text = 2 * sample.count(f"{delimiter} ") > sample.count(delimiter)
    return sum(len(row) == usual for row in rows) / len(rows), not in_text, usual


def _blocks(text: str, names: tuple[str, ...]) -> Iterator[Block]:
    """Runs of lines that have something in them."""
    at = start = end = lines = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            start = start if lines else at
            end = at + len(line.rstrip())
            lines += 1
        at += len(line)
        if lines and (not line.strip() or lines >= _BLOCK_LINES):
            step(at, len(text))
            yield Block(start, end, "table", names)
            lines = 0
    if lines:
        yield Block(start, end, "table", names)
