"""The pieces of a file that are read each by itself, such as the pages of a scan.

Reading one may take seconds, and a file may have a thousand. A reader hands on each that it has
read; whoever has the file read keeps them, and hands them back when it is read anew.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import msgspec

from prismd.extract.parts import part_in_hand

T = TypeVar("T")

_COMPRESSION = 1


class Piece(msgspec.Struct, frozen=True, tag="piece"):
    """What was read of a file, or of a part of it, in one piece.

    Attributes:
        reader: Everything that the outcome hangs on beside the content of the file.
        number: Which piece.
        content: What was read, packed; to be kept as it is.
    """

    reader: str
    number: int
    content: bytes


class Pieces:
    """The pieces of what is in hand, by one reader; any number of threads may use it.

    Args:
        reader: Names it, with everything that the outcome hangs on: another version or other
            settings have another name.
        known: Of earlier readings, packed, by number.
        tell: Given each piece that is read now.
    """

    def __init__(
        self,
        reader: str = "",
        known: Mapping[int, bytes] | None = None,
        tell: Callable[[Piece], None] | None = None,
    ) -> None:
        self._reader = reader
        self._known = known or {}
        self._tell = tell

    def __len__(self) -> int:
        """How many are known."""
        return len(self._known)

    def get(self, number: int, kind: type[T]) -> T | None:
        """What is known of a piece; None when it is to be read."""
        packed = self._known.get(number)
        if packed is None:
            return None
        try:
            return msgspec.msgpack.decode(zlib.decompress(packed), type=kind)
        except (zlib.error, msgspec.DecodeError):
            return None

    def put(self, number: int, content: Any) -> None:
        """Hand on a piece that has been read."""
        if self._tell is not None:
            packed = zlib.compress(msgspec.msgpack.encode(content), _COMPRESSION)
            self._tell(Piece(self._reader, number, packed))


class _Keeping:
    """The reading of one file whose pieces are kept."""

    def __init__(self, known: Sequence[Piece], tell: Callable[[Piece], None]) -> None:
        self._lock = threading.Lock()
        self._told: Callable[[Piece], None] | None = tell
        self.known: dict[str, dict[int, bytes]] = {}
        for piece in known:
            self.known.setdefault(piece.reader, {})[piece.number] = piece.content

    def tell(self, piece: Piece) -> None:
        with self._lock:
            if self._told is not None:
                self._told(piece)

    def end(self) -> None:
        # A thread that reads on after the file was given up must not speak for the next one.
        with self._lock:
            self._told = None


_keeping: ContextVar[_Keeping | None] = ContextVar("keeping", default=None)


@contextmanager
def keeping(known: Sequence[Piece], tell: Callable[[Piece], None]) -> Iterator[None]:
    """Read a file, in this thread, with what is known of its pieces.

    Args:
        known: Of earlier readings of the same content.
        tell: Called with each piece that is read, from whichever thread has read it; not after
            the context has ended.
    """
    kept = _Keeping(known, tell)
    token = _keeping.set(kept)
    try:
        yield
    finally:
        _keeping.reset(token)
        kept.end()


def is_going_on() -> bool:
    """Whether pieces of the file are known, by whichever reader."""
    kept = _keeping.get()
    return kept is not None and bool(kept.known)


def pieces(reader: str) -> Pieces:
    """The pieces of the file, or of the part of it that is in hand; none where nobody keeps them.

    Args:
        reader: As for ``Pieces``.
    """
    kept = _keeping.get()
    if kept is None:
        return Pieces()
    if part := part_in_hand():
        reader = f"{reader}, part {part}"
    return Pieces(reader, kept.known.get(reader), kept.tell)
