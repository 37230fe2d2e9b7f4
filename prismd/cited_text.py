"""Answer text with its citation marks, as it is made.

Text goes out as it comes. When a sentence is complete, what supports it is looked up and its
mark ``[n]`` follows; numbers that the model wrote itself are only taken as claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from prismd.citation import Attribution, MarkerFilter
from prismd.domain import Support
from prismd.wording import sentence_ranges

Attribute = Callable[[str, Sequence[int]], list[Attribution]]
"""What supports a sentence: (sentence, claimed numbers) to attributions."""


class CitedSentence(msgspec.Struct, frozen=True):
    """A sentence of the answer and what it rests on; a range of the answer, marks excluded."""

    start: int
    end: int
    attributions: tuple[Attribution, ...]

    @property
    def support(self) -> Support:
        """The best support that it has."""
        order: tuple[Support, ...] = ("exact", "supported", "weak", "none")
        found = {attribution.support for attribution in self.attributions}
        return next((support for support in order if support in found), "none")


class CitedText:
    """Builds an answer out of pieces.

    Args:
        attribute: Looks up what supports a sentence.
    """

    def __init__(self, attribute: Attribute) -> None:
        self._attribute = attribute
        self._filter = MarkerFilter()
        self._claimed: list[int] = []
        self._pending = ""
        self._sent = 0  # of _pending
        self.text = ""
        self.sentences: list[CitedSentence] = []

    def feed(self, piece: str) -> Iterator[str]:
        """Add text of the model; get what goes to the reader."""
        yield from self._take(self._filter.feed(piece))

    def finish(self) -> Iterator[str]:
        """The rest, with the mark of the last sentence."""
        yield from self._take(self._filter.finish())
        if self._pending.strip():
            yield from self._end_sentence(len(self._pending.rstrip()))
        self._pending, self._sent = "", 0

    def _take(self, parts: list[str | int]) -> Iterator[str]:
        for part in parts:
            if isinstance(part, int):
                self._claimed.append(part)
                continue
            self._pending += part
            while (end := _complete_sentence(self._pending)) is not None:
                yield from self._end_sentence(max(end, self._sent))
            # White space waits: a mark may have to come before it.
            yield from self._send(len(self._pending.rstrip()))

    def _send(self, to: int) -> Iterator[str]:
        if to > self._sent:
            piece = self._pending[self._sent : to]
            self._sent = to
            self.text += piece
            yield piece

    def _end_sentence(self, end: int) -> Iterator[str]:
        yield from self._send(end)
        sentence = self._pending[:end]
        stripped = sentence.strip()
        attributions = tuple(self._attribute(stripped, self._claimed))
        finish = len(self.text)
        self.sentences.append(CitedSentence(finish - len(stripped), finish, attributions))
        marks = "".join(f"[{item.n}]" for item in attributions)
        if marks:
            self.text += f" {marks}"
            yield f" {marks}"
        self._claimed = []
        self._pending, self._sent = self._pending[end:], 0


def _complete_sentence(text: str) -> int | None:
    """The end of the first sentence, once something follows it."""
    start = len(text) - len(text.lstrip())
    line = text.find("\n", start)
    ranges = sentence_ranges(text[: line if line >= 0 else len(text)])
    if len(ranges) > 1 or (ranges and line >= 0):
        return ranges[0][1]
    return None
