"""Markdown, kept verbatim; its structure comes from markdown-it-py's block parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token

from prismd.domain import Block, BlockKind, Extraction, Layout
from prismd.extract.base import ExtractOptions
from prismd.extract.draft import HeadingPath
from prismd.extract.text.text import paragraphs, read_text
from prismd.layout import line_index

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|author|date|description|lang)\s*:[ \t]*(\S.*)$", re.MULTILINE)
_MAX_PARSED_CHARS = 2_000_000
# What comes behind is a text by mistake; the parser gets slow on long runs of signs.
_MAX_HEADING_CHARS = 1000
_KINDS: dict[str, BlockKind] = {
    "paragraph_open": "paragraph",
    "blockquote_open": "paragraph",
    "html_block": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
}


class MarkdownExtractor:
    """Reads Markdown: headings as path, paragraphs, lists, tables, code, front matter."""

    version: ClassVar[str] = "markdown-1"

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a Markdown file; see ``Extractor``."""
        text, warnings = read_text(path, options)
        fields, body = _front_matter(text)
        if len(text) > _MAX_PARSED_CHARS:
            # The parser's worst cases grow faster than their input.
            blocks = [Block(start, end) for start, end in paragraphs(text)]
            warnings = (*warnings, "too long to look for headings in it")
        else:
            blocks = list(markdown_blocks(text, body))
        if body:
            blocks.insert(0, Block(0, len(text[:body].rstrip()), "note"))
        first = next((b for b in blocks if b.kind == "heading"), None)
        heading = _heading_text(text[first.start : first.end]) if first else ""
        return Extraction(
            text=text,
            blocks=tuple(blocks),
            layout=Layout("text"),
            title=fields.pop("title", "") or heading,
            language=fields.pop("lang", ""),
            metadata=fields,
            warnings=warnings,
        )


def _front_matter(text: str) -> tuple[dict[str, str], int]:
    """The fields of a YAML front matter, and where the body begins."""
    if not (match := _FRONT_MATTER.match(text)):
        return {}, 0
    fields = {key: value.strip().strip("\"'") for key, value in _FIELD.findall(match[1])}
    if "date" in fields:
        fields["created"] = fields.pop("date")
    return fields, match.end()


def markdown_blocks(text: str, body: int) -> Iterator[Block]:
    """The blocks of a Markdown text, the first ``body`` characters of it left out."""
    parser = MarkdownIt("commonmark").enable("table")
    # Only where blocks begin and end is wanted; what stands in them is kept as it is.
    parser.core.ruler.enableOnly(["normalize", "block"])
    tokens = parser.parse(text[body:])
    lines = [body + int(start) for start in line_index(text[body:])] + [len(text) + 1]
    headings = HeadingPath()
    for token, following in pairwise([*tokens, Token("end", "", 0)]):
        if token.level or token.map is None:
            continue
        start, end = lines[token.map[0]], lines[token.map[1]] - 1
        end = start + len(text[start:end].rstrip())
        if start >= end:
            continue
        if token.type == "heading_open":
            above = headings.enter(int(token.tag[1]), _heading_text(following.content))
            yield Block(start, end, "heading", above)
        elif kind := _KINDS.get(token.type):
            yield Block(start, end, kind, headings.path)


@cache
def _inline_parser() -> MarkdownIt:
    return MarkdownIt("commonmark")


def _heading_text(source: str) -> str:
    """A heading as it is read: without hashes, emphasis and link targets."""
    source = source.strip().lstrip("#").split("\n")[0].rstrip("# ")[:_MAX_HEADING_CHARS]
    inline = _inline_parser().parseInline(source.strip())
    children = inline[0].children or [] if inline else []
    return "".join(t.content for t in children if t.type in ("text", "code_inline")).strip()
