"""Writing down a text block by block, and keeping track of the headings it stands under."""

from __future__ import annotations

from collections.abc import Iterable

from prismd.domain import Block, BlockKind


class HeadingPath:
    """The headings above the place that is being read."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []

    @property
    def path(self) -> tuple[str, ...]:
        """The headings, outermost first."""
        return tuple(text for _, text in self._stack)

    def enter(self, level: int, text: str) -> tuple[str, ...]:
        """Go under a heading; gives the path above it, itself excluded."""
        while self._stack and self._stack[-1][0] >= level:
            self._stack.pop()
        above = self.path
        title = " ".join(text.split())
        if title:
            self._stack.append((level, title))
        return above

    def leave(self, level: int) -> None:
        """Go back under the last heading of a level, or of one above it."""
        while self._stack and self._stack[-1][0] > level:
            self._stack.pop()


class Draft:
    """A text under construction: blocks, an empty line between them.

    Args:
        max_chars: Where to stop; ``full`` tells that it did.
    """

    def __init__(self, max_chars: int) -> None:
        self.headings = HeadingPath()
        self.blocks: list[Block] = []
        self.length = 0
        self.full = False
        self._parts: list[str] = []
        self._max_chars = max_chars

    @property
    def text(self) -> str:
        """All that has been written."""
        return "".join(self._parts)

    def heading(self, level: int, text: str) -> None:
        """Write a heading; what follows stands under it."""
        if text.strip():
            self._add(text, "heading", self.headings.enter(level, text))

    def add(self, text: str, kind: BlockKind = "paragraph", *, under: tuple[str, ...] = ()) -> None:
        """Write a block, if there is anything in it.

        Args:
            text: What is written.
            kind: What it is.
            under: What it stands under beside the headings, without being written here itself,
                such as the names of a long table's columns.
        """
        self._add(text, kind, self.headings.path + under)

    def embed(self, text: str, blocks: Iterable[Block]) -> None:
        """Write down the blocks of another document, under the headings here and their own."""
        for block in blocks:
            path = self.headings.path + block.heading
            self._add(text[block.start : block.end], block.kind, path)

    def _add(self, text: str, kind: BlockKind, path: tuple[str, ...]) -> None:
        text = text.strip("\n") if kind in ("code", "table", "list") else text.strip()
        if not text.strip() or self.full:
            return
        separator = "\n\n" if self.blocks else ""
        room = self._max_chars - self.length - len(separator)
        if len(text) > room:
            self.full = True
            text = text[: max(0, room)].rstrip()
            if not text:
                return
        start = self.length + len(separator)
        self._parts += (separator, text)
        self.length = start + len(text)
        self.blocks.append(Block(start, self.length, kind, path))


def cut_warning(max_chars: int) -> str:
    """What to tell of a text that was longer than the limit."""
    return f"only its first {max_chars:,} characters are indexed"
