"""prismd as one of the stores: files indexed by the real pipeline, asked through ``Search``.

python -m tests.benchmarks.peer.own MODELS FILES DATA THREADS RERANK
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder, OnnxReranker
from prismd.search.searching import RerankMode, Search, SearchSettings
from prismd.store.database import Database
from tests.benchmarks.peer.environment import MODEL
from tests.benchmarks.peer.programs.serving import Vectors, serve
from tests.benchmarks.workbench import indexed

RERANKER = "ms-marco-MiniLM-L-12-v2"


class Own:
    """An index over files that stand there already, numbered as the texts are.

    Args:
        models_dir: Where the models are.
        files: The folder with the files.
        data_dir: Where the index is.
        threads: Of the models.
        mode: Whether the best are read once more.
    """

    def __init__(
        self, models_dir: Path, files: Path, data_dir: Path, threads: int, mode: RerankMode
    ) -> None:
        self._embedder = OnnxEmbedder(find(MODEL), models_dir, threads=threads)
        self._reranker = OnnxReranker(find(RERANKER), models_dir, threads=threads)
        self._files, self._data_dir, self._mode = files, data_dir, mode
        self._search: Search | None = None
        self.embed_ms: float | None = None

    def load(self) -> None:
        """Have the models in memory."""
        self._embedder.embed_query("warm")
        if self._mode != "never":
            self._reranker.score("warm", ["warm"])

    def index(self, texts: Sequence[str], vectors: Vectors | None) -> None:
        """Index the files; they hold the texts, and no vectors can be given."""
        assert vectors is None
        with indexed(self._data_dir, [self._files], self._embedder):
            pass

    def open(self) -> None:
        """Open what is stored."""
        database = Database(self._data_dir)
        settings, languages = SearchSettings(), self._embedder.entry.languages
        self._search = Search(database, self._embedder, self._reranker, settings, languages)

    def search(self, text: str, vector: Vectors | None, k: int) -> list[int]:
        """The best files' numbers; several passages of a file count once, so more are asked for."""
        assert self._search is not None and vector is None
        found = self._search.search(text, limit=2 * k, rerank=self._mode)
        self.embed_ms = found.timings_ms["embed"]
        stems = dict.fromkeys(Path(hit.path).stem for hit in found.hits)
        return [int(stem) for stem in stems][:k]


def main(arguments: Sequence[str]) -> None:
    """Serve, as the programs of the peers do."""
    models_dir, files, data_dir, threads, mode = arguments
    folders = (Path(models_dir), Path(files), Path(data_dir))
    serve(Own(*folders, int(threads), "auto" if mode == "auto" else "never"))


if __name__ == "__main__":
    main(sys.argv[1:])
