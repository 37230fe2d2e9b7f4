"""Files to be indexed, made in code: sentences of common words, the same at every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import docx
import pymupdf

_COMMON = (
    "the of and to in is was for that with on by from this at are which it had be not have"
    " were their been one more after other some about between two into than under during new"
    " river house winter letter music garden school station market bridge mountain village"
    " history report contract engine window season doctor village teacher journey harbour paper"
    " council water light winter summer morning evening early large small quiet public common"
    " found built wrote carried opened closed measured asked answered remembered described moved"
    " began ended held kept sold bought crossed reached left returned followed agreed changed"
)
_WORDS = _COMMON.split()
SENTENCES = 7
"""A paragraph is about 100 words long, 110 tokens."""
_PARAGRAPHS_A_PAGE = 3


def small_texts(folder: Path, count: int) -> Path:
    """So many Markdown files of one paragraph; returns the folder."""
    folder.mkdir(parents=True)
    sections = _sections(random.Random(1))
    for number in range(count):
        title, body = next(sections)
        (folder / f"{number:05}.md").write_text(f"# {title}\n\n{body}\n", encoding="utf-8")
    return folder


def long_texts(folder: Path, count: int, sections: int = 60) -> Path:
    """So many Markdown files of so many sections; returns the folder."""
    folder.mkdir(parents=True)
    made = _sections(random.Random(2))
    for number in range(count):
        parts = [f"# {title}\n\n{body}\n" for title, body in (next(made) for _ in range(sections))]
        (folder / f"{number:05}.md").write_text("\n".join(parts), encoding="utf-8")
    return folder


def office_files(folder: Path, count: int, sections: int = 18) -> Path:
    """So many DOCX and PDF files in all, of so many sections; returns the folder."""
    folder.mkdir(parents=True)
    made = _sections(random.Random(3))
    for number in range(count):
        parts = [next(made) for _ in range(sections)]
        if number % 2:
            _write_pdf(folder / f"{number:05}.pdf", parts)
        else:
            _write_docx(folder / f"{number:05}.docx", parts)
    return folder


def _sections(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Titles and paragraphs without end, each different."""
    while True:
        title = " ".join(chance.choices(_WORDS[40:], k=4)).capitalize()
        yield title, " ".join(_sentence(chance) for _ in range(SENTENCES))


def _sentence(chance: random.Random) -> str:
    words = " ".join(chance.choices(_WORDS, k=chance.randint(9, 19)))
    return f"{words.capitalize()}, {chance.randint(1, 9999)}."


def _write_docx(path: Path, parts: list[tuple[str, str]]) -> None:
    document = docx.Document()
    for title, body in parts:
        document.add_heading(title, 1)
        document.add_paragraph(body)
    document.save(str(path))


def _write_pdf(path: Path, parts: list[tuple[str, str]]) -> None:
    with pymupdf.open() as document:
        for first in range(0, len(parts), _PARAGRAPHS_A_PAGE):
            page = document.new_page()
            text = "\n\n".join(f"{t}\n\n{b}" for t, b in parts[first : first + _PARAGRAPHS_A_PAGE])
            page.insert_textbox(pymupdf.Rect(50, 50, 545, 790), text, fontsize=10)
        document.save(path)
