"""What the kinds share: the models with their results kept, and the ways to search."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from prismd.search.searching import Search, SearchSettings
from prismd.store.database import Database
from tests.benchmarks.workbench import RetrievalSet, indexed, load_models
from tests.evaluation.caching import Kept, KeptEmbedder, KeptReranker

SHIPPED = SearchSettings()


class Bench:
    """The shipped models over an index, whatever they compute kept.

    Attributes:
        database: The index.
        embedder: The shipped one.
        reranker: The shipped one.
        languages: What the embedder knows, as ISO 639-1 codes.
        kept: Where their results are.
    """

    def __init__(self, database: Database, kept: Kept, models: Path | None) -> None:
        embedder, reranker = load_models(models)
        self.database = database
        self.kept = kept
        self.languages = embedder.entry.languages
        self.embedder = KeptEmbedder(embedder, kept)
        self.reranker = KeptReranker(reranker, kept)

    def search(self, settings: SearchSettings = SHIPPED) -> Search:
        """The product's search with the given settings."""
        return Search(self.database, self.embedder, self.reranker, settings, self.languages)


@contextlib.contextmanager
def bench(options: argparse.Namespace, name: str, folders: Sequence[Path]) -> Iterator[Bench]:
    """An index of folders, made by the real pipeline and kept in the work folder.

    Args:
        options: With ``work`` and ``models``.
        name: Of the index in the work folder.
        folders: What is indexed.
    """
    kept = Kept(options.work / "scores.db")
    embedder = KeptEmbedder(load_models(options.models)[0], kept)
    try:
        with indexed(options.work / name / "data", list(folders), embedder) as database:
            yield Bench(database, kept, options.models)
    finally:
        kept.close()


def prepare(options: argparse.Namespace, folder: Path) -> tuple[RetrievalSet, str, Path]:
    """A BEIR-shaped folder as files: what it holds, its name, and where its files are."""
    data = RetrievalSet(folder)
    name = f"{folder.parent.name}-{folder.name}"
    return data, name, data.write(options.work / name / "files")


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


def told(done: int, of: int, what: str) -> None:
    """Tell on standard error how far it is, every 20."""
    if done % 20 == 0 or done == of:
        print(f"\r{what}: {done} of {of}   ", end="\n" if done == of else "", file=sys.stderr)
