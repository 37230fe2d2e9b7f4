"""Blocks to passages. Pure.

A passage lies on one page and under one heading, and holds whole sentences (lines, in tables
and code) up to a target counted in tokens of the embedding model. Neighbours overlap by whole
sentences, so that what is said across a border is found from either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from prismd.domain import Block, Extraction, Layout, Passage
from prismd.layout import line_index, locate, whole
from prismd.wording import join_broken_words, passage_context, sentence_ranges, trim

VERSION = "1"

TokenOffsets = Callable[[str], NDArray[np.int32]]
_SLACK = 1.25


class Chunking(msgspec.Struct, frozen=True):
    """How passages are cut; sizes in tokens of the embedding model."""

    target_tokens: int = 256
    overlap_tokens: int = 32

    @property
    def tag(self) -> str:
        """Version and sizes as one string; a document cut under another tag is stale."""
        return f"{VERSION}:{self.target_tokens}:{self.overlap_tokens}"


class _Unit(msgspec.Struct, frozen=True):
    """What is not cut: a sentence or line, with the tokens it takes."""

    start: int
    end: int
    tokens: int


def chunk(extraction: Extraction, offsets: TokenOffsets, chunking: Chunking) -> list[Passage]:
    """Cut an extraction into passages.

    Args:
        extraction: Text, blocks and layout.
        offsets: Where the tokens of a text stand: shape (tokens, 2), as ``TokenCounter.offsets``.
        chunking: Sizes.

    Returns:
        Passages in reading order; the text of each is exactly its range of the document's text.
    """
    lines = line_index(extraction.text)
    passages: list[Passage] = []
    for group in _groups(extraction):
        heading = _heading(group)
        for start, end, tokens in _pack(_units(extraction, group, offsets, chunking), chunking):
            locator = locate(extraction.layout, lines, start, end, heading)
            text = extraction.text[start:end]
            passages.append(Passage(len(passages), start, end, text, heading, locator, tokens))
    return passages


def with_whole(passages: Sequence[Passage], layout: Layout) -> list[Passage]:
    """Passages with the picture or recording as such before them, a passage without text."""
    as_such = Passage(0, 0, 0, "", (), whole(layout), 0)
    later = (replace(passage, ordinal=passage.ordinal + 1) for passage in passages)
    return [as_such, *later]


def embedding_text(title: str, heading: tuple[str, ...], text: str) -> str:
    """What is embedded for a passage: its text under its title and headings."""
    context = passage_context(title, heading)
    body = join_broken_words(text)
    return f"{context}\n{body}" if context else body


def _groups(extraction: Extraction) -> Iterator[list[Block]]:
    """Runs of blocks that may share a passage: one page, one heading, headings with their body."""
    group: list[Block] = []
    page_ends = [page.char_end for page in extraction.layout.pages]
    page = 0
    for block in extraction.blocks:
        turned = False
        while page < len(page_ends) and block.start >= page_ends[page]:
            page, turned = page + 1, True
        if group and (turned or not _joins(group, block)):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _joins(group: list[Block], block: Block) -> bool:
    last = group[-1]
    if last.kind == "heading":
        # A heading goes with whatever stands right below it, further headings included.
        return len(block.heading) > len(last.heading)
    return block.kind != "heading" and block.heading == last.heading


def _heading(group: list[Block]) -> tuple[str, ...]:
    """The headings that a group stands under; of headings alone, those above the first."""
    body = next((block for block in group if block.kind != "heading"), group[0])
    return body.heading


def _units(
    extraction: Extraction, group: list[Block], offsets: TokenOffsets, chunking: Chunking
) -> list[_Unit]:
    start, end = group[0].start, group[-1].end
    borders = offsets(extraction.text[start:end])[:, 0] + start
    units: list[_Unit] = []
    for block in group:
        for piece_start, piece_end in _pieces(extraction, block):
            first, last = np.searchsorted(borders, (piece_start, piece_end))
            unit = _Unit(piece_start, piece_end, int(last - first))
            if unit.tokens > chunking.target_tokens:
                units += _split(extraction.text, unit, borders[first:last], chunking.target_tokens)
            else:
                units.append(unit)
    return units


def _pieces(extraction: Extraction, block: Block) -> list[tuple[int, int]]:
    """A block's sentences, or its lines where it has no sentences."""
    text = extraction.text[block.start : block.end]
    if block.kind in ("code", "table"):
        pieces = []
        start = 0
        for line in text.splitlines(keepends=True):
            if line.strip():
                pieces.append((start, start + len(line.rstrip())))
            start += len(line)
    else:
        pieces = sentence_ranges(text, extraction.language)
    return [(block.start + start, block.start + end) for start, end in pieces]


def _split(text: str, unit: _Unit, borders: NDArray[np.int32], target: int) -> list[_Unit]:
    """Cut what is longer than a passage at tokens, before a word where there is one near."""
    units = []
    start, at = unit.start, 0
    while len(borders) - at > target:
        cut = at + target
        for back in range(cut, max(at + target // 2, at + 1), -1):
            if text[borders[back] - 1].isspace():
                cut = back
                break
        if piece := trim(text, start, int(borders[cut])):
            units.append(_Unit(*piece, cut - at))
        start, at = int(borders[cut]), cut
    if piece := trim(text, start, unit.end):
        units.append(_Unit(*piece, len(borders) - at))
    return units


def _pack(units: list[_Unit], chunking: Chunking) -> Iterator[tuple[int, int, int]]:
    """Join units into passages: (start, end, tokens)."""
    target = chunking.target_tokens
    sizes = np.cumsum([0, *(unit.tokens for unit in units)])
    first = 0
    while first < len(units):
        if sizes[-1] - sizes[first] <= target * _SLACK:
            last = len(units)  # rather one passage a little longer than a crumb at the end
        else:
            last = int(np.searchsorted(sizes, sizes[first] + target, "right")) - 1
            last = max(last, first + 1)
        yield units[first].start, units[last - 1].end, int(sizes[last] - sizes[first])
        if last == len(units):
            return
        # The next passage begins with the last sentences of this one, as far as they fit.
        overlapping = last
        while (
            overlapping - 1 > first
            and sizes[last] - sizes[overlapping - 1] <= chunking.overlap_tokens
        ):
            overlapping -= 1
        first = overlapping
