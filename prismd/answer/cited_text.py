"""Answer text with its citation marks, as it is made.

Text goes out as it comes. When a sentence is complete, what supports it is looked up and its
mark ``[n]`` follows; numbers that the model wrote itself are only taken as claims. No ``![…]`` in
it is a picture to whoever shows it as Markdown: that would be fetched from where a file says. HTML
in it is left to who shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from prismd.answer.citation import Attribution, MarkerFilter
from prismd.domain import Support
from prismd.wording import sentence_ranges

_PICTURE = re.compile(r"(?<=!)\[")

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
        self._flushed = 0  # of text
        self.text = ""
        self.sentences: list[CitedSentence] = []
        self.shown: list[CitedSentence] = []

    def feed(self, piece: str) -> Iterator[str]:
        """Add text of the model; get what goes to the reader."""
        self._take(self._filter.feed(piece))
        yield from self._flush()

    def finish(self) -> Iterator[str]:
        """The rest, with the mark of the last sentence."""
        self._take(self._filter.finish())
        if self._pending.strip():
            self._end_sentence(len(self._pending.rstrip()))
        self._pending, self._sent = "", 0
        yield from self._flush()

    def add(self, text: str, support: Attribution | None = None) -> Iterator[str]:
        """Add text that no model wrote after ``finish``.

        Args:
            text: Any text.
            support: What it shows, when it names a picture; its mark follows.
        """
        start = len(self.text)
        self._write(text)
        if support is not None:
            self.shown.append(CitedSentence(start, len(self.text), (support,)))
            self.text += f" [{support.n}]"
        yield from self._flush()

    def state(self, text: str, claimed: int) -> Iterator[str]:
        """Add a whole sentence on a line of its own, taken from a source, with its marks."""
        if self.text and not self.text.endswith("\n"):
            self._write("\n")
        yield from self.quote(text, self._attribute(text, [claimed]))

    def quote(self, text: str, supports: Sequence[Attribution]) -> Iterator[str]:
        """Add a statement that nobody wrote here, with the marks it has, after ``finish``."""
        start = len(self.text)
        self._write(text)
        self.sentences.append(CitedSentence(start, len(self.text), tuple(supports)))
        if supports:
            self.text += " " + "".join(f"[{item.n}]" for item in supports)
        yield from self._flush()

    def _flush(self) -> Iterator[str]:
        if len(self.text) > self._flushed:
            piece = self.text[self._flushed :]
            self._flushed = len(self.text)
            yield piece

    def _take(self, parts: list[str | int]) -> None:
        for part in parts:
            if isinstance(part, int):
                self._claimed.append(part)
                continue
            # By the character: what comes out must not hang on how the model cuts its text.
            for character in part:
                self._add(character)

    def _add(self, character: str) -> None:
        before = self._pending[-1:]
        self._pending += character
        if character.isspace() and character != "\n":
            return
        if not before.isalnum() or not before.isascii() or character == "\n":
            while (end := self._complete_sentence()) is not None:
                self._end_sentence(end)
        # White space waits: a mark may have to come before it.
        self._send(len(self._pending.rstrip()))

    def _complete_sentence(self) -> int | None:
        """The end of the first sentence that something follows, if it has not been sent already."""
        text = self._pending
        start = len(text) - len(text.lstrip())
        line = text.find("\n", start)
        ranges = sentence_ranges(text[: line if line >= 0 else len(text)])
        complete = ranges if line >= 0 else ranges[:-1]
        return next((end for _, end in complete if end >= self._sent), None)

    def _send(self, to: int) -> None:
        if to > self._sent:
            self._write(self._pending[self._sent : to])
            self._sent = to

    def _write(self, text: str) -> None:
        before = self.text[-1:]
        self.text += without_pictures(before + text)[len(before) :]

    def _end_sentence(self, end: int) -> None:
        self._send(end)
        stripped = self._pending[:end].strip()
        attributions = tuple(self._attribute(stripped, self._claimed))
        finish = len(self.text)
        start = finish - len(without_pictures(stripped))
        self.sentences.append(CitedSentence(start, finish, attributions))
        marks = "".join(f"[{item.n}]" for item in attributions)
        if marks:
            self.text += f" {marks}"
        self._claimed = []
        self._pending, self._sent = self._pending[end:], 0


def without_pictures(text: str) -> str:
    """A text whose Markdown shows ``![…](…)`` as it is written, not the picture.

    In code the backslash is seen: whether a backtick opens code is not known yet.
    """
    return _PICTURE.sub(r"\\[", text)
