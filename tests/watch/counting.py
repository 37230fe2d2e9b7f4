"""Stand-ins that count what is done, and parsers that many worlds share."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prismd.disk.looking import hash_file
from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.pieces import Piece
from prismd.extract.pool import ExtractPool
from prismd.ingest.reading import Parsers
from prismd.models.fake import FakeEmbedder
from tests.building import write_file


class Counting:
    """The real parsers, noting the hash of what they read.

    Args:
        parsers: The parsers.
    """

    def __init__(self, parsers: Parsers) -> None:
        self._parsers = parsers
        self.read: list[str] = []

    def extract(
        self,
        path: Path,
        options: ExtractOptions,
        on_step: Callable[[int, int], None] | None = None,
        *,
        known: Sequence[Piece] = (),
        on_piece: Callable[[Piece], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[MediaType, Extraction]:
        self.read.append(hash_file(str(path)))
        return self._parsers.extract(
            path, options, on_step, known=known, on_piece=on_piece, cancelled=cancelled
        )

    def pixels(
        self, path: Path, edge_px: int, *, cancelled: Callable[[], bool] | None = None
    ) -> NDArray[np.uint8]:
        return self._parsers.pixels(path, edge_px, cancelled=cancelled)


class Noting(FakeEmbedder):
    """The fake embedder, noting the hashes of what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.hashes: list[bytes] = []

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.hashes += [hashlib.sha256(text.encode()).digest()[:16] for text in texts]
        return super().embed_passages(texts)


class WallClock:
    """The time of day, which somebody sets."""

    def __init__(self) -> None:
        self._time = time.time
        self.ahead_s = 0.0

    def now(self) -> float:
        return self._time() + self.ahead_s


@contextmanager
def shared_parsers() -> Iterator[None]:
    """Have every world use the same parsers."""
    pool = ExtractPool(2)
    with tempfile.TemporaryDirectory() as folder:
        # The thread that starts processes must not be made by one that may not do so.
        path = write_file(Path(folder) / "a.txt", "Anything.")
        pool.extract(path, ExtractOptions())
    _shared.append(pool)
    try:
        yield
    finally:
        _shared.pop().close()


_shared: list[ExtractPool] = []


def parsers() -> ExtractPool:
    """Those that all worlds share."""
    return _shared[-1]
