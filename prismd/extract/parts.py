"""Parts of a file that it can do without: the mails of a mailbox, what is attached to a mail.

Anybody may have sent them. Where one hangs or crashes its reader, the process that reads the
whole file is lost with it. So a reader says which part it has in hand, and the pool has the
file read once more without that part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

MOST_LEFT_OUT = 5
"""A file that fails on yet another part is given up."""
MOST_BEFORE_BARE = 3
"""After so many parts, whatever is attached to anything is left out."""


class LeftOut(msgspec.Struct, frozen=True):
    """What is not to be read of a file.

    Attributes:
        reasons: Why not, in the middle of a sentence, by the part's key.
        bare: Whether files within the file are only named, all of them.
    """

    reasons: dict[str, str] = {}
    bare: bool = False

    def also(self, key: str, reason: str) -> LeftOut | None:
        """This, and one part more; None when there is no such part, or it is one too many."""
        if not key or key in self.reasons or len(self.reasons) >= MOST_LEFT_OUT:
            return None
        reasons = {**self.reasons, key: reason}
        return LeftOut(reasons, bare=len(reasons) > MOST_BEFORE_BARE)


class _Place:
    """A part that is read, or the file; ``count`` is of the parts in it that have been met."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = 0


class _Reading:
    """The reading of one file, and where in it the reader is."""

    def __init__(self, left_out: LeftOut, tell: Callable[[str], None]) -> None:
        self.left_out = left_out
        self.tell = tell
        self.places = [_Place("")]


_reading: ContextVar[_Reading | None] = ContextVar("reading", default=None)


@contextmanager
def in_parts(left_out: LeftOut, tell: Callable[[str], None]) -> Iterator[None]:
    """Read a file, in this thread, without some of its parts.

    Args:
        left_out: What ``part`` is to pass over.
        tell: Called with the key of the part that is in hand from now on, and at last with none.
    """
    reading = _Reading(left_out, tell)
    token = _reading.set(reading)
    try:
        yield
        # Not where reading ends in an error: the part that was in hand is then to blame for it.
        reading.tell("")
    finally:
        _reading.reset(token)


@contextmanager
def part() -> Iterator[str]:
    """Read a part of the file, or of the part that is in hand.

    Every part is to be met in the same order at each reading, also where it is passed over:
    its key is its number in the part around it, behind that one's key.

    Yields:
        Why this part is to be passed over; empty when it is to be read.
    """
    reading = _reading.get()
    if reading is None:
        yield ""
        return
    around = reading.places[-1]
    around.count += 1
    place = _Place(f"{around.key}/{around.count}")
    if reason := reading.left_out.reasons.get(place.key, ""):
        yield reason
        return
    reading.places.append(place)
    reading.tell(place.key)
    try:
        yield ""
    finally:
        reading.places.pop()
    # Of a mailbox the next part follows at once, and there may be very many.
    if around.key:
        reading.tell(around.key)


def part_in_hand() -> str:
    """The key of the part that is read; empty for the file itself."""
    reading = _reading.get()
    return reading.places[-1].key if reading is not None else ""


def bare() -> bool:
    """Whether files within the file are only to be named."""
    reading = _reading.get()
    return reading is not None and reading.left_out.bare
