"""Speed and recall of the vector search, from the file, and how its costs grow.

    scripts/bench vectors --counts 10000 100000 --texts /usr/share/doc

Vectors are drawn around random centres, or are of the sentences of text files. Tells p50 and p95 of
the top 10 and recall@10 against exact search, without and with filters that leave a share of the
vectors (at random, or those nearest to some direction, as a folder on one subject is), beside plain
sqlite-vec, which compares with every vector; and what searching adds to the memory of a process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw
import msgspec
import numpy as np
import psutil
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.store import code_building, vectors
from prismd.store.database import Database
from prismd.store.vector_search import FLAT_LIMIT, SpaceSearch
from prismd.store.vectors import FlatIndex, VectorIndex
from tests.benchmarks.daemon import private_bytes
from tests.benchmarks.report import Bar, Figure, Report, Table
from tests.benchmarks.vector_sources import Clustered, Sentences, Source

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
_MEMORY_MB = Bar("<=", 200.0)
_FLAT_QUERIES = 20

Floats = NDArray[np.float32]


class Found(msgspec.Struct, frozen=True):
    """How the top 10 is found.

    Attributes:
        how: Which vectors were asked, or by what other way.
        p50_ms: Median of the time of a query.
        p95_ms: What one query of twenty takes longer than.
        recall: At 10, against exact search.
    """

    how: str
    p50_ms: float
    p95_ms: float
    recall: float


class Grown(msgspec.Struct, frozen=True):
    """An index of some size.

    Attributes:
        name: Which vectors, and how many.
        count: Vectors in it.
        store_s: What it took to store them.
        codes_s: What it took to make the binary codes; 0 where there are none.
        size_mb: The file.
        first_ms: The first query of a process.
        memory_mb: What searching adds to a process's own memory, with filters and without.
        found: Of all vectors first.
    """

    name: str
    count: int
    store_s: float
    codes_s: float
    size_mb: float
    first_ms: float
    memory_mb: float
    found: tuple[Found, ...]


def fill(database: Database, space_id: int, stored: Floats) -> None:
    """Store vectors, each with a passage; the id of row ``i`` is ``i + 1``."""
    database.write(_put_document)
    for start in range(0, len(stored), _BATCH):
        part = stored[start : start + _BATCH]
        hashes = [number.to_bytes(16, "big") for number in range(start, start + len(part))]

        def put(
            connection: apsw.Connection, hashes: list[bytes] = hashes, part: Floats = part
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


def filters(stored: Floats) -> dict[str, NDArray[np.bool_]]:
    """Which vectors each filter leaves: a share at random, and the nearest to some direction."""
    random = np.random.default_rng(7)
    found = {f"{share:.1%} at random": random.random(len(stored)) < share for share in _SHARES}
    likeness = stored @ stored[0]
    for share in (0.01, 0.1):
        found[f"{share:.1%} alike"] = likeness >= np.quantile(likeness, 1 - share)
    return found


def ask_all(
    database: Database,
    index: VectorIndex | SpaceSearch,
    stored: Floats,
    queries: Floats,
    how: str = "all",
    allowed: NDArray[np.bool_] | None = None,
) -> Found:
    """Ask all queries, one after the other, once the first has warmed up what is kept."""
    ids = None if allowed is None else np.flatnonzero(allowed).astype(np.int64) + 1
    times, hits, wanted = [], 0, 0
    database.read(lambda c: index.search(c, queries[0], _K, ids))
    for query in queries:
        begun = time.perf_counter()
        found, _ = database.read(lambda c, query=query: index.search(c, query, _K, ids))  # type: ignore[misc]
        times.append(1000 * (time.perf_counter() - begun))
        similarity = stored @ query
        if allowed is not None:
            similarity = np.where(allowed, similarity, -2.0)
        k = _K if ids is None else min(_K, len(ids))
        exact = np.argpartition(-similarity, k)[:k] + 1
        hits += len(set(exact.tolist()) & set(found.tolist()))
        wanted += k
    p50_ms, p95_ms = np.percentile(times, (50, 95))
    return Found(how, float(p50_ms), float(p95_ms), hits / max(1, wanted))


def grown(name: str, source: Source, count: int, query_count: int) -> Grown:
    """Build an index of vectors and ask it."""
    stored, queries = source.vectors(count), source.vectors(query_count)
    space = EmbeddingSpace("benchmark", "1", source.dim, 512)
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        database = Database(Path(scratch))
        space_id = database.write(lambda c: vectors.put_space(c, space))
        store_s = _seconds(lambda: fill(database, space_id, stored))
        flat = FlatIndex(space_id, space.dim)
        plain = ask_all(database, flat, stored, queries[:_FLAT_QUERIES], "all, plain sqlite-vec")
        codes_s = 0.0
        if count > FLAT_LIMIT:
            codes_s = _seconds(lambda: code_building.build(database, space_id, space.dim))
        search = SpaceSearch(space_id, space)
        found.append(ask_all(database, search, stored, queries))
        found.append(plain)
        for how, allowed in filters(stored).items():
            found.append(ask_all(database, search, stored, queries, how, allowed))
        size_mb = database.size_bytes() / 1e6
        database.close()
        first_ms, memory_mb = _in_new_process(Path(scratch), space_id, space, queries, count)
    return Grown(name, count, store_s, codes_s, size_mb, first_ms, memory_mb, tuple(found))


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _in_new_process(
    data_dir: Path, space_id: int, space: EmbeddingSpace, queries: Floats, count: int
) -> tuple[float, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_footprint, (data_dir, space_id, space, queries, count))


def _footprint(
    data_dir: Path, space_id: int, space: EmbeddingSpace, queries: Floats, count: int
) -> tuple[float, float]:
    """The first query in ms, and what all of them add to this process's own memory in MB."""
    database, search = Database(data_dir), SpaceSearch(space_id, space)
    database.read(lambda c: vectors.count(c, space_id))
    before = private_bytes(psutil.Process())
    first_s = _seconds(lambda: _ask(database, search, queries[0], None))
    some = np.flatnonzero(np.random.default_rng(7).random(count) < 0.1).astype(np.int64) + 1
    for query in queries:
        _ask(database, search, query, None)
        _ask(database, search, query, some)
    added = private_bytes(psutil.Process()) - before
    database.close()
    return 1000 * first_s, added / 1e6


def _ask(
    database: Database, search: SpaceSearch, query: Floats, ids: NDArray[np.int64] | None
) -> None:
    database.read(lambda c: search.search(c, query, _K, ids))


def exponent(counts: Sequence[float], costs: Sequence[float]) -> float:
    """The power by which a cost grows with the count: the slope in log-log, by least squares."""
    return float(np.polyfit(np.log(counts), np.log(costs), 1)[0])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument(
        "--texts", type=Path, nargs="+", help="folders of texts, whose sentences are embedded"
    )
    parser.add_argument("--cache", type=Path, help="where to keep the vectors of the sentences")
    parser.add_argument("--models", type=Path, help="the folder of the models")


def measure(options: argparse.Namespace) -> Report:
    """Build an index of each size and ask it."""
    counts = sorted(set(options.counts))
    sizes = []
    for count in counts:
        print(f"{count} vectors…", file=sys.stderr, flush=True)
        clustered = Clustered(count, options.dim)
        sizes.append(grown(f"{count:,} drawn", clustered, count, options.queries))
        if options.texts:
            cache = options.cache or Path("build/bench/sentences")
            real = Sentences(options.texts, cache, counts[-1] + options.queries, options.models)
            if real.left >= count + options.queries:
                sizes.append(grown(f"{count:,} of sentences", real, count, options.queries))
    figures = [figure for size in sizes for figure in _figures(size)]
    drawn = [size for size in sizes if size.name.endswith("drawn")]
    if len(drawn) > 1:
        p50_ms = [size.found[0].p50_ms for size in drawn]
        stored_s = [size.store_s + size.codes_s for size in drawn]
        figures.append(Figure("exponent of growth, a query", exponent(counts, p50_ms)))
        figures.append(Figure("exponent of growth, building", exponent(counts, stored_s)))
    return Report(figures=tuple(figures), tables=(_building(sizes), _queries(sizes)))


def _figures(size: Grown) -> list[Figure]:
    every, limit_ms = size.found[0], _BARS_MS.get(size.count)
    one_percent = next(found for found in size.found if found.how == "1.0% at random")
    filtered = one_percent.p50_ms / every.p50_ms
    memory = _MEMORY_MB if size.count == 1_000_000 else None
    return [
        Figure(f"{size.name}, p50", every.p50_ms, "ms", Bar("<=", limit_ms) if limit_ms else None),
        Figure(f"{size.name}, recall@10", every.recall, "", _RECALL),
        Figure(f"{size.name}, 1 % filter against none", filtered, "", _FILTERED),
        Figure(f"{size.name}, memory of searching", size.memory_mb, "MB", memory),
    ]


def _building(sizes: Sequence[Grown]) -> Table:
    columns = ("vectors", "stored, s", "codes, s", "MB", "first query, ms", "memory, MB")
    rows = tuple(
        (size.name, size.store_s, size.codes_s, size.size_mb, size.first_ms, size.memory_mb)
        for size in sizes
    )
    return Table("building", columns, rows)


def _queries(sizes: Sequence[Grown]) -> Table:
    rows = tuple(
        (f"{size.name}: {found.how}", found.p50_ms, found.p95_ms, found.recall)
        for size in sizes
        for found in size.found
    )
    return Table("top 10", ("vectors", "p50 ms", "p95 ms", "recall@10"), rows)
