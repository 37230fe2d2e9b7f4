"""Models whose results are kept, so that a second run with other settings takes seconds."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.models.base import Embedder, Reranker, TokenCounter


class Kept:
    """Arrays of float32 by what they were made of; may be shared by threads and by processes.

    Attributes:
        served: How many were found.
        computed: How many were made and kept.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = apsw.Connection(str(file))
        self._connection.set_busy_timeout(60_000)
        self._connection.execute("PRAGMA journal_mode=wal; PRAGMA synchronous=normal")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
        )
        self.served = 0
        self.computed = 0

    def of(
        self,
        about: Sequence[str],
        texts: Sequence[str],
        compute: Callable[[Sequence[str]], NDArray[np.float32]],
    ) -> list[NDArray[np.float32]]:
        """A row for each text; those that are not kept are computed at once.

        Args:
            about: What else a row depends on: the model, the query.
            texts: What rows are of.
            compute: Makes the rows of texts, first axis in their order.
        """
        keys = [_key((*about, text)) for text in texts]
        found = {key: self._get(key) for key in keys}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if found[key] is None}
        if missing:
            rows = compute(list(missing.values()))
            made = {key: np.float32(row) for key, row in zip(missing, rows, strict=True)}
            self._put({key: np.asarray(row).tobytes() for key, row in made.items()})
            found.update({key: np.asarray(row).tobytes() for key, row in made.items()})
        self.computed += len(missing)
        self.served += len(texts) - len(missing)
        return [np.frombuffer(found[key] or b"", dtype=np.float32) for key in keys]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _get(self, key: bytes) -> bytes | None:
        with self._lock:
            row = self._connection.execute("SELECT value FROM kept WHERE key = ?", (key,)).get
        return row if isinstance(row, bytes) else None

    def _put(self, rows: dict[bytes, bytes]) -> None:
        with self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows.items())


class KeptEmbedder:
    """An embedder that embeds each text once."""

    def __init__(self, embedder: Embedder, kept: Kept) -> None:
        self._embedder = embedder
        self._kept = kept

    @property
    def space(self) -> EmbeddingSpace:
        """As of the embedder."""
        return self._embedder.space

    @property
    def tokens(self) -> TokenCounter:
        """As of the embedder."""
        return self._embedder.tokens

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ``Embedder``."""
        about = ("passage", self.space.key)
        rows = self._kept.of(about, texts, self._embedder.embed_passages)
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.space.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """See ``Embedder``."""

        def compute(texts: Sequence[str]) -> NDArray[np.float32]:
            return np.array([self._embedder.embed_query(one) for one in texts])

        return self._kept.of(("query", self.space.key), [text], compute)[0]

    def close(self) -> None:
        """Give the memory of the model back."""
        self._embedder.close()


class KeptReranker:
    """A reranker that scores each pair once."""

    def __init__(self, reranker: Reranker, kept: Kept) -> None:
        self._reranker = reranker
        self._kept = kept

    @property
    def name(self) -> str:
        """As of the reranker."""
        return self._reranker.name

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ``Reranker``."""

        def compute(missing: Sequence[str]) -> NDArray[np.float32]:
            return self._reranker.score(query, missing)

        rows = self._kept.of(("pair", self.name, query), texts, compute)
        return np.array(rows, dtype=np.float32).reshape(len(texts))

    def close(self) -> None:
        """Give the memory of the model back."""
        self._reranker.close()


def _key(parts: Sequence[str]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.digest()
