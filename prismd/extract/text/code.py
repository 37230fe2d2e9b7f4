"""Source code, kept verbatim; its definitions are its headings, found by Pygments' tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_for_filename
from pygments.token import Keyword, Name, _TokenType
from pygments.util import ClassNotFound

from prismd.domain import Block, Extraction, Layout
from prismd.extract.base import ExtractOptions
from prismd.extract.text.text import paragraphs, read_text
from prismd.layout import line_index

_MAX_LEXED_CHARS = 1_000_000
_MAX_LINE_CHARS = 5_000
_DEFINING = frozenset(
    (
        *("class", "def", "function", "fn", "func", "fun", "sub", "struct", "enum", "interface"),
        *("trait", "impl", "module", "namespace", "object", "type", "record", "protocol"),
        *("extension", "defmodule", "defp", "macro_rules", "proc", "procedure", "package"),
    )
)
_CLOSING = (")", "}", "]", "{", "end", ":")
_ABOVE = ("@", "#[", "//", "/*", "*", "#", "--", ";;", '"""')


class _Definition(msgspec.Struct, frozen=True):
    line: int
    indent: int
    label: str


class CodeExtractor:
    """Reads source code; a block for each definition, under the definitions around it."""

    version: ClassVar[str] = "code-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read source code; see ``Extractor``."""
        text, warnings = read_text(path, options)
        lines = text.split("\n")
        lexer = _lexer(path.name)
        # Lexers are regular expressions, and slow on what no person wrote.
        if len(text) > _MAX_LEXED_CHARS or max(map(len, lines)) > _MAX_LINE_CHARS:
            lexer = None
        blocks = (
            _blocks(text, lines, list(_definitions(lexer, text, lines)))
            if lexer
            else (Block(start, end, "code") for start, end in paragraphs(text))
        )
        return Extraction(
            text=text,
            blocks=tuple(blocks),
            layout=Layout("text"),
            metadata={"programming_language": lexer.name} if lexer else {},
            warnings=warnings,
        )


def _lexer(name: str) -> Lexer | None:
    try:
        found = find_lexer_class_for_filename(name)
    except ClassNotFound:
        return None
    return found(stripnl=False, ensurenl=False) if found else None


def _definitions(lexer: Lexer, text: str, lines: list[str]) -> Iterator[_Definition]:
    """What is defined, by line: a name that the lexer marks, or that follows a defining word."""
    starts = line_index(text).tolist()
    line = 0
    keyword = ""
    keyword_line = named_line = -1
    for at, kind, value in lexer.get_tokens_unprocessed(text):
        while line + 1 < len(starts) and starts[line + 1] <= at:
            line += 1
        if _is(kind, Keyword):
            if keyword_line != line or value in _DEFINING:
                keyword, keyword_line = value.strip(), line
        elif _is(kind, Name) and named_line != line:
            marked = _is(kind, Name.Class) or _is(kind, Name.Function)
            defining = keyword_line == line and keyword in _DEFINING
            typed = marked and keyword_line == line and _ends_open(lines, line)
            if defining or typed:
                label = f"{keyword} {value}" if defining else f"{value}()"
                source = lines[line]
                yield _Definition(line, len(source) - len(source.lstrip()), label)
                named_line = line


def _is(kind: _TokenType, family: _TokenType) -> bool:
    return kind[: len(family)] == family


def _ends_open(lines: list[str], line: int) -> bool:
    """Whether a body follows: what ends in a semicolon is a declaration or a call."""
    return not lines[line].rstrip().endswith((";", ","))


def _blocks(text: str, lines: list[str], definitions: list[_Definition]) -> Iterator[Block]:
    starts = [*line_index(text).tolist(), len(text) + 1]
    by_line = {d.line: d for d in definitions}
    begins = {_first_line(lines, d.line): d for d in definitions}
    stack: list[_Definition] = []
    begin, path = 0, ()  # type: int, tuple[str, ...]
    for n, source in enumerate(lines):
        entered = begins.get(n)
        stripped = source.lstrip()
        if entered is None and stripped and n not in by_line:
            indent = len(source) - len(stripped)
            inside = stripped.startswith(_CLOSING)
            if stack and not inside and indent <= stack[-1].indent and n > stack[-1].line:
                entered_path = _leave(stack, indent)
                yield from _block(text, starts[begin], starts[n] - 1, path)
                begin, path = n, entered_path
        elif entered is not None:
            _leave(stack, entered.indent)
            stack.append(entered)
            yield from _block(text, starts[begin], starts[n] - 1, path)
            begin, path = n, tuple(d.label for d in stack)
    yield from _block(text, starts[begin], len(text), path)


def _leave(stack: list[_Definition], indent: int) -> tuple[str, ...]:
    while stack and stack[-1].indent >= indent:
        stack.pop()
    return tuple(d.label for d in stack)


def _first_line(lines: list[str], line: int) -> int:
    """A definition's first line: that of the decorators and comments right above it."""
    indent = len(lines[line]) - len(lines[line].lstrip())
    while line:
        above = lines[line - 1]
        stripped = above.lstrip()
        if not stripped.startswith(_ABOVE) or abs(len(above) - len(stripped) - indent) > 1:
            break
        line -= 1
    return line


def _block(text: str, start: int, end: int, path: tuple[str, ...]) -> Iterator[Block]:
    source = text[start : max(start, end)]
    if source.strip():
        lead = len(source) - len(source.lstrip("\n"))
        yield Block(start + lead, start + len(source.rstrip()), "code", path)
