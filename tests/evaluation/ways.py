"""What the kinds share: the models with their results kept, and the ways to search."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from prismd.models.base import Embedder, Reranker
from prismd.search.searching import Search, SearchSettings
from prismd.store.database import Database
from tests.benchmarks.workbench import RetrievalSet, indexed, load_models
from tests.evaluation.caching import Kept, KeptEmbedder, KeptReranker

SHIPPED = SearchSettings()
Item = TypeVar("Item")


class Bench:
    """Models over an index.

    Attributes:
        database: The index.
        embedder: The shipped one.
        reranker: The shipped one.
        languages: What the embedder knows, as ISO 639-1 codes.
    """

    def __init__(self, database: Database, kept: Kept | None, models: Path | None) -> None:
        embedder, reranker = load_models(models)
        self.database = database
        self.languages = embedder.entry.languages
        self.embedder: Embedder = KeptEmbedder(embedder, kept) if kept else embedder
        self.reranker: Reranker = KeptReranker(reranker, kept) if kept else reranker
        self._models = models

    def without_kept(self) -> Bench:
        """The same, with everything computed anew."""
        return Bench(self.database, None, self._models)

    def search(self, settings: SearchSettings = SHIPPED) -> Search:
        """The product's search with the given settings."""
        return Search(self.database, self.embedder, self.reranker, settings, self.languages)


def name_of(folder: Path) -> str:
    """What a folder is called in tables and in file names."""
    return f"{folder.parent.name}-{folder.name}"


@contextlib.contextmanager
def bench(
    options: argparse.Namespace, folder: Path, indexed_folders: Sequence[Path]
) -> Iterator[Bench]:
    """An index, made by the real pipeline and kept in the work folder.

    Args:
        options: With ``work`` and ``models``.
        folder: What is measured.
        indexed_folders: What is indexed.
    """
    kept = Kept(options.work / "scores.db")
    embedder = KeptEmbedder(load_models(options.models)[0], kept)
    try:
        data = _kept_of(options, folder) / "data"
        with indexed(data, list(indexed_folders), embedder) as database:
            yield Bench(database, kept, options.models)
    finally:
        kept.close()


def prepare(options: argparse.Namespace, folder: Path) -> tuple[RetrievalSet, Path]:
    """A BEIR-shaped folder as files: what it holds, and where its files are."""
    data = RetrievalSet(folder)
    return data, data.write(_kept_of(options, folder) / "files")


def ways() -> dict[str, SearchSettings]:
    """The ways to search that are compared."""
    change = msgspec.structs.replace
    return {
        "words": change(SHIPPED, vector_weight=0.0, rerank="never"),
        "vectors": change(SHIPPED, lexical_weight=0.0, substring_weight=0.0, rerank="never"),
        "fused": change(SHIPPED, rerank="never"),
        "reranked": change(SHIPPED, rerank="always"),
        "shipped": SHIPPED,
    }


def spread(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """As many as are wanted, evenly from the whole: those of a kind stand together."""
    if limit is None or limit >= len(items):
        return items
    return [items[at * len(items) // limit] for at in range(limit)]


def told(done: int, of: int, what: str) -> None:
    """Tell on standard error how far it is: every 20 to a person, else every 200."""
    seen = sys.stderr.isatty()
    if done == of or done % (20 if seen else 200) == 0:
        start, end = "\r" if seen else "", "" if seen and done < of else "\n"
        print(f"{start}{what}: {done} of {of}   ", end=end, file=sys.stderr)


def _kept_of(options: argparse.Namespace, folder: Path) -> Path:
    """Where the files and the index of a folder are kept; others may have the same name."""
    told = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return Path(options.work) / f"{name_of(folder)}-{told}"
