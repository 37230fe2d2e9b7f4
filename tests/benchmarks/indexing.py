"""Indexing end to end, as a share of what the embedding model does alone.

    python -m tests.benchmarks.indexing FOLDER... [--models DIR]

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
from tests.benchmarks.workbench import indexed, load_models


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--models", type=Path, help="where the models are")
    arguments = parser.parse_args()
    embedder, _ = load_models(arguments.models)
    embedder.embed_query("load the model before the clock starts")
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        with indexed(Path(scratch), arguments.folders, embedder) as database:
            whole_s = time.perf_counter() - begun
            space_id = database.read(vectors.spaces)[0][0]
            count = database.read(lambda c: vectors.count(c, space_id))
            database.write(_forget_vectors)
            waiting, _ = database.read(lambda c: vectors.unembedded(c, 10_000_000))
        texts = [embedding_text(item.title, item.heading, item.text) for item in waiting]
        begun = time.perf_counter()
        embedder.embed_passages(texts)
        alone_s = time.perf_counter() - begun
    print(f"{count} passages: {count / whole_s:.1f}/s end to end, {count / alone_s:.1f}/s alone")
    print(f"share of the raw throughput: {alone_s / whole_s:.2f}")


def _forget_vectors(connection: apsw.Connection) -> None:
    connection.execute("UPDATE passages SET embedding_id = NULL")


if __name__ == "__main__":
    main()
