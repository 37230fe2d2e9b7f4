"""Speed and recall of the vector search, from the file, on clustered vectors.

    scripts/bench vectors --counts 10000 100000

Tells p50 and p95 of the top 10 and recall@10 against exact search, without and with filters that
leave a share of the vectors, and by which power of the count the costs grow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.store import list_building, vectors
from prismd.store.database import Database
from prismd.store.vector_search import FLAT_LIMIT, SpaceSearch
from tests.benchmarks.report import Bar, Figure, Report, Table

_K = 10
_BATCH = 2_000
_PASSAGE = (
    "INSERT INTO passages (document_id, ordinal, char_start, char_end, text, heading, locator,"
    " tokens, embedding_hash) VALUES (1, 0, 0, 1, ' ', '[]', '{}', 0, ?)"
)
_SHARES = (0.001, 0.01, 0.1, 0.5)
_BARS_MS = {100_000: 4.0, 1_000_000: 8.0}
_RECALL = Bar(">=", 0.98)
_FILTERED = Bar("<=", 3.0)


class Found(msgspec.Struct, frozen=True):
    """How the top 10 is found.

    Attributes:
        share: Of the vectors that the filter leaves; None without one.
        p50_ms: Median of the time of a query.
        p95_ms: What one query of twenty takes longer than.
        recall: At 10, against exact search.
    """

    share: float | None
    p50_ms: float
    p95_ms: float
    recall: float


class Grown(msgspec.Struct, frozen=True):
    """An index of some size.

    Attributes:
        count: Vectors in it.
        store_s: What it took to store them.
        lists_s: What it took to build the inverted lists; 0 where there are none.
        size_mb: The file.
        found: Without a filter first, then by each share.
    """

    count: int
    store_s: float
    lists_s: float
    size_mb: float
    found: tuple[Found, ...]


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


def ask_all(
    database: Database,
    search: SpaceSearch,
    stored: NDArray[np.float32],
    queries: NDArray[np.float32],
    allowed: NDArray[np.bool_] | None = None,
    share: float | None = None,
) -> Found:
    """Ask all queries, one after the other; ``share`` says what ``allowed`` leaves."""
    ids = None if allowed is None else np.flatnonzero(allowed).astype(np.int64) + 1
    times, hits, wanted = [], 0, 0
    for query in queries:
        begun = time.perf_counter()
        found, _ = database.read(lambda c, query=query: search.search(c, query, _K, ids))  # type: ignore[misc]
        times.append(1000 * (time.perf_counter() - begun))
        similarity = stored @ query
        if allowed is not None:
            similarity = np.where(allowed, similarity, -2.0)
        k = _K if ids is None else min(_K, len(ids))
        exact = np.argpartition(-similarity, k)[:k] + 1
        hits += len(set(exact.tolist()) & set(found.tolist()))
        wanted += k
    p50_ms, p95_ms = np.percentile(times, (50, 95))
    return Found(share, float(p50_ms), float(p95_ms), hits / max(1, wanted))


def grown(count: int, dim: int, query_count: int) -> Grown:
    """Build an index of clustered vectors and ask it."""
    source = Clustered(count, dim)
    stored, queries = source.vectors(count), source.vectors(query_count)
    space = EmbeddingSpace("benchmark", "1", dim, 512)
    with tempfile.TemporaryDirectory() as scratch:
        database = Database(Path(scratch))
        space_id = database.write(lambda c: vectors.put_space(c, space))
        begun = time.perf_counter()
        fill(database, space_id, stored)
        store_s, lists_s = time.perf_counter() - begun, 0.0
        if count > FLAT_LIMIT:
            begun = time.perf_counter()
            list_building.build(database, space_id, dim)
            lists_s = time.perf_counter() - begun
        search = SpaceSearch(space_id, space)
        found = []
        for share in (None, *_SHARES):
            allowed = None if share is None else source.share(count, share)
            found.append(ask_all(database, search, stored, queries, allowed, share))
        size_mb = database.size_bytes() / 1e6
        database.close()
    return Grown(count, store_s, lists_s, size_mb, tuple(found))


def exponent(counts: Sequence[float], costs: Sequence[float]) -> float:
    """The power by which a cost grows with the count: the slope in log-log, by least squares."""
    return float(np.polyfit(np.log(counts), np.log(costs), 1)[0])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)


def measure(options: argparse.Namespace) -> Report:
    """Build an index of each size and ask it."""
    sizes = []
    for count in sorted(set(options.counts)):
        print(f"{count} vectors…", file=sys.stderr, flush=True)
        sizes.append(grown(count, options.dim, options.queries))
    figures = [figure for size in sizes for figure in _figures(size)]
    if len(sizes) > 1:
        counts = [size.count for size in sizes]
        p50_ms = [size.found[0].p50_ms for size in sizes]
        stored_s = [size.store_s + size.lists_s for size in sizes]
        figures.append(Figure("exponent of growth, a query", exponent(counts, p50_ms)))
        figures.append(Figure("exponent of growth, building", exponent(counts, stored_s)))
    return Report(figures=tuple(figures), tables=(_building(sizes), _queries(sizes)))


def _figures(size: Grown) -> list[Figure]:
    name, every = f"{size.count:,} vectors", size.found[0]
    limit_ms = _BARS_MS.get(size.count)
    one_percent = next(found for found in size.found if found.share == 0.01)
    return [
        Figure(f"{name}, p50", every.p50_ms, "ms", Bar("<=", limit_ms) if limit_ms else None),
        Figure(f"{name}, recall@10", every.recall, "", _RECALL),
        Figure(
            f"{name}, 1 % filter against none", one_percent.p50_ms / every.p50_ms, "", _FILTERED
        ),
    ]


def _building(sizes: Sequence[Grown]) -> Table:
    rows = tuple((size.count, size.store_s, size.lists_s, size.size_mb) for size in sizes)
    return Table("building", ("vectors", "stored, s", "lists, s", "MB"), rows)


def _queries(sizes: Sequence[Grown]) -> Table:
    rows = tuple(
        (
            f"{size.count:,}, " + ("all" if found.share is None else f"filter {found.share:.1%}"),
            found.p50_ms,
            found.p95_ms,
            found.recall,
        )
        for size in sizes
        for found in size.found
    )
    return Table("top 10", ("vectors", "p50 ms", "p95 ms", "recall@10"), rows)
