"""Indexing end to end, as a share of what the embedding model does alone.

    scripts/bench indexing FOLDER... [--models DIR]

The same passages are embedded twice: by a whole index run (sweep, hash, extract, chunk, store,
embed, write vectors), and by the model alone, which knows nothing of files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import apsw

from prismd.chunk import embedding_text
from prismd.store import vectors
from tests.benchmarks.report import Bar, Figure, Report, Table
from tests.benchmarks.workbench import indexed, load_models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--models", type=Path, help="where the models are")


def measure(options: argparse.Namespace) -> Report:
    """Both rates and their ratio."""
    embedder, _ = load_models(options.models)
    embedder.embed_query("load the model before the clock starts")
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        with indexed(Path(scratch), options.folders, embedder) as database:
            whole_s = time.perf_counter() - begun
            database.write(_forget_vectors)
            waiting, _ = database.read(lambda c: vectors.unembedded(c, 10_000_000))
    texts = [embedding_text(item.title, item.heading, item.text) for item in waiting]
    if not texts:
        raise SystemExit("nothing in these folders has text")
    begun = time.perf_counter()
    embedder.embed_passages(texts)
    alone_s = time.perf_counter() - begun
    rows = (
        ("end to end", whole_s, len(texts) / whole_s),
        ("the embedding alone", alone_s, len(texts) / alone_s),
    )
    return Report(
        figures=(Figure("share of the raw throughput", alone_s / whole_s, "", Bar(">=", 0.85)),),
        tables=(Table(f"{len(texts)} passages", ("", "seconds", "passages/s"), rows),),
    )


def _forget_vectors(connection: apsw.Connection) -> None:
    connection.execute("UPDATE passages SET embedding_id = NULL")
