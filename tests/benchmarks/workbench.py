"""What the measurements share: an index made by the real pipeline, and sets of passages."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prismd.chunk import Chunking
from prismd.config.options import Config
from prismd.extract.base import ExtractOptions
from prismd.extract.pool import ExtractPool
from prismd.ingest.crew import Ingest
from prismd.ingest.reading import IngestSettings
from prismd.models import catalog
from prismd.models.base import Embedder, Transcriber
from prismd.models.onnx import OnnxEmbedder, OnnxReranker
from prismd.progress.progress import Progress
from prismd.store import files
from prismd.store.database import Database
from prismd.watch import Rules, sweep


def models_folder(named: Path | None = None) -> Path:
    """Where weights are: as named, or as a configuration without settings has it."""
    return named or Config(data_dir=Path()).models_dir


def load_models(models_dir: Path | None = None) -> tuple[OnnxEmbedder, OnnxReranker]:
    """The default embedder and reranker; pull them first (``prismd models pull``)."""
    models_dir = models_folder(models_dir)
    entries = {entry.name: entry for entry in catalog.CATALOG}
    return (
        OnnxEmbedder(entries["bge-small-en-v1.5"], models_dir),
        OnnxReranker(entries["ms-marco-MiniLM-L-12-v2"], models_dir),
    )


@contextlib.contextmanager
def indexed(
    data_dir: Path,
    folders: list[Path],
    embedder: Embedder,
    chunking: Chunking | None = None,
    transcriber: Transcriber | None = None,
    slots_dir: Path | None = None,
) -> Iterator[Database]:
    """The index of folders, brought up to date and open.

    What readers share lies in ``slots_dir``, else beside the index: one that lasts is what a
    daemon has that does not start for the first time.
    """
    database = Database(data_dir)
    pool = ExtractPool(2)
    progress = Progress()
    settings = IngestSettings(
        chunking=chunking or Chunking(),
        options=ExtractOptions(
            slots_dir=str(slots_dir or data_dir / "slots"), slots_on_disk=True
        ),  # as served
    )
    ingest = Ingest(database, pool, embedder.tokens, embedder, settings, progress, transcriber)
    try:
        for folder in folders:
            path = str(folder.resolve())
            root = database.write(lambda c, path=path: files.add_root(c, path, "command"))  # type: ignore[misc]
            sweep(database, root, Rules(junk=False))
        ingest.start()
        while not ingest.idle():
            time.sleep(0.2)
            if sys.stderr.isatty():
                _tell(progress, end="")
        _tell(progress, end="\n")
        pool.close()
        ingest.stop()
        yield database
    finally:
        database.close()


def _tell(progress: Progress, end: str) -> None:
    done = progress.snapshot()
    start = "\r" if sys.stderr.isatty() else ""
    print(
        f"{start}{sum(done.files.values())} files, {done.embeddings} passages embedded,"
        f" {done.embeddings_per_s:.0f}/s   ",
        end=end,
        file=sys.stderr,
    )


class RetrievalSet:
    """A BEIR-shaped folder: corpus.jsonl, queries.jsonl, qrels.tsv, perhaps answers.jsonl."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.corpus = {row["id"]: row for row in _lines(folder / "corpus.jsonl")}
        self.queries = {row["id"]: row["text"] for row in _lines(folder / "queries.jsonl")}
        self.relevant: dict[str, dict[str, int]] = {}
        qrels = folder / "qrels.tsv"
        qrels = qrels if qrels.exists() else folder.parent / "qrels.tsv"
        with qrels.open(newline="") as stream:
            for row in csv.reader(stream, delimiter="\t"):
                if row[-1].lstrip("-").isdigit():
                    self.relevant.setdefault(row[0], {})[row[1]] = int(row[-1])
        answers = folder / "answers.jsonl"
        self.answers = {row["id"]: row for row in _lines(answers)} if answers.exists() else {}

    def write(self, folder: Path) -> Path:
        """One Markdown file per passage, named by its number; returns the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(self.corpus.values()):
            title = row.get("title") or ""
            text = f"# {title}\n\n{row['text']}\n" if title else f"{row['text']}\n"
            written, target = text.encode(), folder / f"{number:06}.md"
            if not target.exists() or target.read_bytes() != written:
                target.write_bytes(written)
        for other in set(folder.glob("*.md")) - {folder / f"{stem}.md" for stem in self.ids()}:
            other.unlink()  # the set has become smaller
        return folder

    def ids(self) -> dict[str, str]:
        """Corpus ids by the stems of the files that ``write`` makes."""
        return {f"{number:06}": id_ for number, id_ in enumerate(self.corpus)}


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]
