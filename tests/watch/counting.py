"""Stand-ins that count what is done, and parsers that many worlds share."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prismd.disk.looking import hash_file
from prismd.extract.base import ExtractOptions
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder
from tests.building import write_file
from tests.ingest.passes import CountingPool


class Counting(CountingPool):
    """The real parsers, noting the hash of what they read."""

    def noted(self, path: Path) -> str:
        return hash_file(str(path))


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
