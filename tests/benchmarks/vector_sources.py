"""Vectors to measure the search on: drawn around random centres, and of real sentences."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder
from tests.benchmarks.workbench import models_folder

Floats = NDArray[np.float32]

_MODEL = "bge-small-en-v1.5"
_PART = 2_000
_ENDINGS = frozenset({".txt", ".md", ".rst", ".py", ".pod", ".html", ".jsonl", ""})
_MOST_BYTES = 1_000_000
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
_WORDS = range(6, 41)


class Source(Protocol):
    """Where vectors come from: shape ``(n, dim)``, L2-normalised, none drawn twice."""

    @property
    def dim(self) -> int:
        """Of each vector."""

    def vectors(self, count: int) -> Floats:
        """Further vectors."""


class Clustered:
    """Vectors around random centres, about 200 to a centre, as passages on a subject are."""

    def __init__(self, count: int, dim: int, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self.dim = dim
        self._centres = self._draw(max(50, count // 200))

    def _draw(self, count: int) -> Floats:
        return self._random.standard_normal((count, self.dim), dtype=np.float32)

    def vectors(self, count: int) -> Floats:
        """Further vectors, L2-normalised."""
        near = self._centres[self._random.integers(0, len(self._centres), count)]
        found = near + self._draw(count)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


class Sentences:
    """Vectors of the sentences of text files, in an order that says nothing.

    They are embedded once and kept in a folder, so many at a time that a run that is cut short
    goes on where it was.
    """

    def __init__(
        self, folders: Sequence[Path], cache: Path, count: int, models_dir: Path | None = None
    ) -> None:
        self._rows = _embedded(sentences(folders, count), cache, models_dir)
        self.dim = self._rows.shape[1]
        self._drawn = 0

    @property
    def left(self) -> int:
        """How many vectors can still be drawn."""
        return len(self._rows) - self._drawn

    def vectors(self, count: int) -> Floats:
        """The next vectors; raises ``SystemExit`` where there are not so many sentences."""
        if self._drawn + count > len(self._rows):
            raise SystemExit(f"the texts have {len(self._rows)} sentences; name more folders")
        self._drawn += count
        return self._rows[self._drawn - count : self._drawn]


def sentences(folders: Sequence[Path], count: int) -> list[str]:
    """At most so many different sentences of the text files in folders, in a random order."""
    found: dict[str, None] = {}
    for path in _texts(folders):
        text = path.read_text(errors="ignore")
        for sentence in _BETWEEN_SENTENCES.split(text):
            words = sentence.split()
            if len(words) in _WORDS and words[0][0].isupper():
                found[" ".join(words)] = None
    every = list(found)
    order = np.random.default_rng(0).permutation(len(every))[:count]
    return [every[number] for number in order]


def _texts(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _ENDINGS and path.is_file() and path.stat().st_size < _MOST_BYTES:
                yield path


def _embedded(texts: Sequence[str], cache: Path, models_dir: Path | None) -> Floats:
    """One vector for each text, from the cache as far as it goes."""
    cache.mkdir(parents=True, exist_ok=True)
    parts = [texts[start : start + _PART] for start in range(0, len(texts), _PART)]
    files = [cache / f"{number:04}.npy" for number in range(len(parts))]
    missing = [number for number, file in enumerate(files) if not file.exists()]
    if missing:
        embedder = OnnxEmbedder(find(_MODEL), models_folder(models_dir))
        for number in missing:
            print(f"embedding, {number + 1} of {len(parts)}…", file=sys.stderr, flush=True)
            np.save(files[number], embedder.embed_passages(parts[number]))
        embedder.close()
    return np.concatenate([np.load(file) for file in files])
