"""Tells text that is for the person from the opening of a call. Pure.

A model that was shown tools opens a call by ``<tool_call>``. Small ones often leave that out and
write the call itself, bare or as a block of code (measured with Qwen2.5-Coder 0.5B: 5 of 10 calls
as a block, 5 bare, none with the mark): it counts as one where its name is that of a tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

OPEN = "<tool_call>"
CLOSE = "</tool_call>"
_FENCE = r"(?:```[a-z]*\s*)?"
_NAME_KEY = r'\{\s*"name"\s*:\s*"'
# What may still become the opening of a bare call: a line with the first part of one.
_GROWING = re.compile(
    r"[ \t]*(?:`{1,2}|```[a-z]*\s*|"
    + _FENCE
    + r'\{\s*(?:"(?:n(?:a(?:me?)?)?)?|"name"\s*|"name"\s*:\s*|"name"\s*:\s*"(?P<name>[^"]*"?))?)?'
)


class CallWatch:
    """Takes a model's text piece by piece and gives on what no call begins with.

    Args:
        names: Of the tools.

    Attributes:
        opened: Whether a call was opened; what came from there on is not given on.
        by_mark: Whether it was opened by the mark.
        given: All the text that was given on.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        either = "|".join(re.escape(name) for name in self._names)
        self._opening = re.compile(
            rf'{re.escape(OPEN)}|(?:^|(?<=\n))[ \t]*{_FENCE}{_NAME_KEY}(?:{either})"'
        )
        self._held = ""
        self.opened = False
        self.by_mark = False
        self.given = ""

    def add(self, piece: str) -> str:
        """The text that can be given on now that this piece has come."""
        if self.opened:
            return ""
        self._held += piece
        # The white space before a call goes with it, so it waits for what it stands before.
        return self._give(len(self._held[: self._call_at()].rstrip()))

    def rest(self) -> str:
        """What was held back, once the model has ended without opening a call."""
        return "" if self.opened else self._give(len(self._held))

    def _give(self, end: int) -> str:
        text, self._held = self._held[:end], self._held[end:]
        self.given += text
        return text

    def _call_at(self) -> int:
        """Where a call begins, or may begin; or the end of what is held."""
        # What was given on ends within a line, which what follows goes on with.
        text = ("\r" if self.given else "") + self._held
        shift = len(text) - len(self._held)
        if found := self._opening.search(text):
            self.opened = True
            self.by_mark = found[0] == OPEN
            return found.start() - shift
        starts = [match.end() for match in re.finditer("\n" if shift else r"^|\n", text)]
        for start in starts:
            if self._may_grow(text[start:]):
                return start - shift
        for length in range(min(len(OPEN) - 1, len(text)), 0, -1):
            if text.endswith(OPEN[:length]):
                return len(text) - length - shift
        return len(self._held)

    def _may_grow(self, line: str) -> bool:
        match = _GROWING.fullmatch(line)
        if match is None:
            return False
        name = match["name"]
        return name is None or any(f'{known}"'.startswith(name) for known in self._names)
