"""Speed and recall of the vector search, from the file, on clustered vectors.

    python -m tests.benchmarks.vectors --count 100000

Prints p50 and p95 of the top 10 and recall@10 against exact search, without and with filters that
leave a share of the vectors.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import apsw
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.store import list_building, vectors
from prismd.store.database import Database
from prismd.store.vector_search import FLAT_LIMIT, SpaceSearch

_K = 10
_BATCH = 2_000
_PASSAGE = (
    "INSERT INTO passages (document_id, ordinal, char_start, char_end, text, heading, locator,"
    " tokens, embedding_hash) VALUES (1, 0, 0, 1, ' ', '[]', '{}', 0, ?)"
)
_SHARES = (0.001, 0.01, 0.1, 0.5)


class Clustered:
    """Vectors around random centres, about 200 to a centre, as passages on a subject are."""

    def __init__(self, count: int, dim: int, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._dim = dim
        self._centres = self._draw(max(50, count // 200))

    def _draw(self, count: int) -> NDArray[np.float32]:
        return self._random.standard_normal((count, self._dim), dtype=np.float32)

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Further vectors, L2-normalised."""
        near = self._centres[self._random.integers(0, len(self._centres), count)]
        found = near + self._draw(count)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found

    def share(self, count: int, share: float) -> NDArray[np.bool_]:
        """A random choice among ``count``."""
        return self._random.random(count) < share


def fill(database: Database, space_id: int, stored: NDArray[np.float32]) -> None:
    """Store vectors, each with a passage; the id of row ``i`` is ``i + 1``."""
    database.write(_put_document)
    for start in range(0, len(stored), _BATCH):
        part = stored[start : start + _BATCH]
        hashes = [number.to_bytes(16, "big") for number in range(start, start + len(part))]

        def put(
            connection: apsw.Connection,
            hashes: list[bytes] = hashes,
            part: NDArray[np.float32] = part,
        ) -> None:
            connection.executemany(_PASSAGE, [(hash_,) for hash_ in hashes])
            vectors.store(connection, space_id, hashes, part)

        database.write(put)


def _put_document(connection: apsw.Connection) -> None:
    connection.execute(
        "INSERT INTO documents (id, sha256, type, media_type, size_bytes, title, language,"
        " metadata, warnings, extractor, chunker, indexed_at)"
        " VALUES (1, '', 'text', '', 0, '', '', '{}', '[]', '', '', 0)"
    )


def measure(
    database: Database,
    search: SpaceSearch,
    stored: NDArray[np.float32],
    queries: NDArray[np.float32],
    allowed: NDArray[np.bool_] | None,
) -> tuple[float, float, float]:
    """p50 and p95 in milliseconds, and recall@10."""
    ids = None if allowed is None else np.flatnonzero(allowed).astype(np.int64) + 1
    times, hits = [], 0
    for query in queries:
        begun = time.perf_counter()
        found, _ = database.read(lambda c, query=query: search.search(c, query, _K, ids))  # type: ignore[misc]
        times.append(1000 * (time.perf_counter() - begun))
        similarity = stored @ query
        if allowed is not None:
            similarity = np.where(allowed, similarity, -2.0)
        exact = np.argpartition(-similarity, _K)[:_K] + 1
        hits += len(set(exact.tolist()) & set(found.tolist()))
    return (
        float(np.percentile(times, 50)),
        float(np.percentile(times, 95)),
        hits / (_K * len(queries)),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    source = Clustered(arguments.count, arguments.dim)
    stored, queries = source.vectors(arguments.count), source.vectors(arguments.queries)
    space = EmbeddingSpace("benchmark", "1", arguments.dim, 512)
    with tempfile.TemporaryDirectory() as scratch:
        database = Database(Path(scratch))
        space_id = database.write(lambda c: vectors.put_space(c, space))
        begun = time.perf_counter()
        fill(database, space_id, stored)
        print(f"{arguments.count} vectors stored in {time.perf_counter() - begun:.1f} s")
        search = SpaceSearch(space_id, space)
        if arguments.count > FLAT_LIMIT:
            begun = time.perf_counter()
            list_building.build(database, space_id, arguments.dim)
            print(f"lists built in {time.perf_counter() - begun:.1f} s")
        print(f"{database.size_bytes() / 1e6:.0f} MB")
        print(f"{'':14}{'p50 ms':>9}{'p95 ms':>9}{'recall@10':>11}")
        for share in (None, *_SHARES):
            allowed = None if share is None else source.share(arguments.count, share)
            figures = measure(database, search, stored, queries, allowed)
            name = "all" if share is None else f"filter {share:.1%}"
            print(f"{name:14}{figures[0]:9.1f}{figures[1]:9.1f}{figures[2]:11.3f}", flush=True)
        database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak / 1000:.0f} MB, {stored.nbytes / 1e6:.0f} of it the exact vectors")


if __name__ == "__main__":
    main()
