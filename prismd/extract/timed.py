"""Cues to a text whose every word is tied to its seconds. Pure.

Speech and subtitles come as cues: what is said from one second to another. Here they become
paragraphs under the headings of their chapters, with a layout of kind ``time``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from prismd.domain import Block, BlockKind, Layout
from prismd.layout import pack

_PAUSE_S = 2.0
"""A silence of so long begins a new paragraph."""
_FULL_CHARS = 600
"""A paragraph of so many characters ends with the next sentence."""
_MAX_CHARS = 1200
"""And one of so many ends with the next cue."""
# The ideographic full stop and the wide marks of exclamation and question are among them.
_SENTENCE_END = re.compile("[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019\xbb)\\]]*$")
# Scripts that put no space between words: Thai to Burmese, Khmer, kana, Han.
_UNSPACED = re.compile(r"[\u0e00-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")

Word = tuple[float, float, str]
"""Start and end second, and the word as it stands in its cue's text."""


class Cue(msgspec.Struct, frozen=True):
    """What is said (or shown) from one second to another.

    Attributes:
        start_s: When it begins.
        end_s: When it ends.
        text: What is said; of a chapter in which nothing is said, empty.
        words: Its words in order, where their times are known.
        heading: The chapters it stands under, outermost first.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    heading: tuple[str, ...] = ()


def compose(
    cues: Sequence[Cue], *, lead: str = "", duration_s: float = 0.0
) -> tuple[str, tuple[Block, ...], Layout]:
    """Write cues down as paragraphs.

    Args:
        cues: In any order; they are put in the order of their starts. One without text brings
            only its heading.
        lead: What comes before all that is said, such as the recording's tags: a block of kind
            ``caption``. It belongs to the whole recording where nothing else is there, and else
            to its beginning, so that what is said right after it keeps its place.
        duration_s: Of the whole recording; at least the end of the last cue is taken.

    Returns:
        Text, blocks and a layout of kind ``time``: any range of the text slices to its seconds,
        by the word where the words have times, else by the cue.
    """
    ordered = sorted(cues, key=lambda cue: cue.start_s)
    duration_s = max([duration_s, *(cue.end_s for cue in ordered)])
    writer = _Writer()
    if lead := lead.strip():
        writer.open("caption", ())
        writer.write(lead, 0.0, 0.0 if ordered else duration_s)
    _write_cues(writer, ordered)
    layout = pack("time", writer.starts, writer.ends, writer.times)
    return (
        "".join(writer.parts),
        tuple(writer.blocks()),
        msgspec.structs.replace(layout, duration_s=duration_s),
    )


def space_between(before: str, following: str) -> str:
    """What parts two texts in a line: a space, or nothing in scripts that have none."""
    unspaced = _UNSPACED.match(before[-1:]) and _UNSPACED.match(following)
    return "" if unspaced else " "


class _Writer:
    """A text under construction, its blocks and its spans."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.times: list[tuple[float, float]] = []
        self._at = 0
        self._open: list[Block] = []
        self._fresh = True

    def blocks(self) -> list[Block]:
        """The blocks written so far, all of them with something in them."""
        return [block for block in self._open if block.end > block.start]

    def open(self, kind: BlockKind, heading: tuple[str, ...]) -> None:
        """Begin a block; what is written next goes into it."""
        if self.parts:
            self._append("\n\n")
        self._open.append(Block(self._at, self._at, kind, heading))
        self._fresh = True

    def takes_more(self, heading: tuple[str, ...]) -> bool:
        """Whether the block in hand is a paragraph under this heading, and not too long."""
        if not self._open:
            return False
        block = self._open[-1]
        length = self._at - block.start
        sentence_over = bool(self.parts) and bool(_SENTENCE_END.search(self.parts[-1]))
        return (
            block.kind == "paragraph"
            and block.heading == heading
            and length < (_FULL_CHARS if sentence_over else _MAX_CHARS)
        )

    def space(self, following: str) -> None:
        """Part what is there from what follows, in scripts that do."""
        if not self._fresh:
            self._append(space_between(self.parts[-1], following))

    def write(self, text: str, start_s: float, end_s: float) -> None:
        """Write text of a time, in a span of its own."""
        self.starts.append(self._at)
        self.write_untimed(text)
        self.ends.append(self._at)
        self.times.append((start_s, max(start_s, end_s)))

    def write_untimed(self, text: str) -> None:
        """Write what stands between two words."""
        self._append(text)
        self._fresh = False
        self._open[-1] = msgspec.structs.replace(self._open[-1], end=self._at)

    def _append(self, text: str) -> None:
        self.parts.append(text)
        self._at += len(text)


def _write_cues(writer: _Writer, ordered: Sequence[Cue]) -> None:
    heading: tuple[str, ...] = ()
    last_end_s = 0.0
    for cue in ordered:
        text = " ".join(cue.text.split())
        if cue.heading != heading:
            _write_headings(writer, cue, heading, bare=not text)
            heading = cue.heading
        if not text:
            continue
        if cue.start_s - last_end_s > _PAUSE_S or not writer.takes_more(heading):
            writer.open("paragraph", heading)
        _write_cue(writer, cue, text)
        last_end_s = cue.end_s


def _write_headings(writer: _Writer, cue: Cue, above: tuple[str, ...], *, bare: bool) -> None:
    """Write the headings that are new, at the moment where they begin."""
    shared = 0
    while shared < min(len(above), len(cue.heading)) and above[shared] == cue.heading[shared]:
        shared += 1
    for level in range(shared, len(cue.heading)):
        if title := " ".join(cue.heading[level].split()):
            writer.open("heading", cue.heading[:level])
            writer.write(title, cue.start_s, cue.end_s if bare else cue.start_s)


def _write_cue(writer: _Writer, cue: Cue, text: str) -> None:
    writer.space(text)
    places = _places(text, cue.words)
    if not places:
        writer.write(text, cue.start_s, cue.end_s)
        return
    at = 0
    for (start, end), (start_s, end_s, _) in zip(places, cue.words, strict=True):
        if start > at:
            writer.write_untimed(text[at:start])
        writer.write(text[start:end], start_s, end_s)
        at = end
    if at < len(text):
        writer.write_untimed(text[at:])


def _places(text: str, words: Sequence[Word]) -> list[tuple[int, int]]:
    """Where each word stands in the text; nothing when one of them is not found in its turn."""
    places = []
    at = 0
    for _, _, word in words:
        start = text.find(word, at) if word else -1
        if start < 0:
            return []
        at = start + len(word)
        places.append((start, at))
    return places
