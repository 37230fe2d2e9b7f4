"""How the costs of indexing and of searching grow with the index, step by step.

    scripts/bench scaling --counts 10000 30000 100000 --at FOLDER

Makes an index of made-up documents of each size (kept where ``--at`` says, with what the making
took) and asks each the same kinds of queries, without the reranker, whose cost does not hang on the
index.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from prismd.models.onnx import OnnxEmbedder
from prismd.search.searching import Search, SearchSettings
from prismd.store.database import Database
from tests.benchmarks.made_corpus import Subjects, opened
from tests.benchmarks.report import Cell, Figure, Report, Table
from tests.benchmarks.search import OfSubjects, Took, ask_all, questions
from tests.benchmarks.vectors import exponent
from tests.benchmarks.workbench import load_models

_COUNTS = [10_000, 30_000, 100_000]
_WARMING = 16
_MADE = "made.json"


class Making(msgspec.Struct, frozen=True):
    """What an index took to make: seconds of the processor, without its vectors' embedding."""

    cpu_s: float
    size_mb: float


class Grown(msgspec.Struct, frozen=True):
    """An index of some size, and what was asked of it."""

    count: int
    making: Making
    answers: list[Took]

    def spent_ms(self, share: float) -> float:
        """What that share of the searches took at most."""
        return float(np.quantile([took.spent_ms for took in self.answers], share))

    def step_ms(self, step: str) -> float:
        """The mean of a step of the search."""
        return float(np.mean([took.steps_ms.get(step, 0.0) for took in self.answers]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    parser.add_argument("--counts", type=int, nargs="+", default=_COUNTS, help="of passages")
    parser.add_argument("--queries", type=int, default=15, help="of each kind")
    parser.add_argument("--make-only", action="store_true", help="make the indexes, ask nothing")
    parser.add_argument("--at", type=Path, help="where the indexes are kept")
    parser.add_argument("--models", type=Path, help="where the models are")


def measure(options: argparse.Namespace) -> Report:
    """Make and ask an index of each size."""
    embedder, _ = load_models(options.models)
    queries = 0 if options.make_only else options.queries
    with contextlib.ExitStack() as stack:
        place = options.at or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sizes = [_grown(place, embedder, count, queries) for count in sorted(set(options.counts))]
    return _report(sizes)


def _grown(place: Path, embedder: OnnxEmbedder, count: int, queries: int) -> Grown:
    subjects = Subjects(count, embedder.space.dim)
    standing = OfSubjects(embedder, subjects)
    database, making = _made(place / str(count), subjects, count, embedder)
    with contextlib.closing(database):
        asked = questions(subjects, queries)
        for one in asked:
            standing.expect(one)
        search = Search(database, standing, None, SearchSettings(), embedder.entry.languages)
        if asked:
            ask_all(search, asked[:_WARMING], 1)
        return Grown(count, making, ask_all(search, asked, 1))


def _made(
    place: Path, subjects: Subjects, count: int, embedder: OnnxEmbedder
) -> tuple[Database, Making]:
    told = place / _MADE
    if place.exists() and not told.exists():
        shutil.rmtree(place)  # a making that was cut short
    begun = time.process_time()
    database = opened(place, subjects, count, embedder.space)
    if not told.exists():
        making = Making(time.process_time() - begun, database.size_bytes() / 1e6)
        told.write_bytes(msgspec.json.encode(making))
    return database, msgspec.json.decode(told.read_bytes(), type=Making)


def _report(sizes: Sequence[Grown]) -> Report:
    making = tuple(
        (size.count, size.making.cpu_s, size.count / size.making.cpu_s, size.making.size_mb)
        for size in sizes
    )
    tables = [Table("making", ("passages", "CPU s", "passages/s", "MB"), making)]
    figures = []
    costs = {
        "making": [size.making.cpu_s for size in sizes],
        "disk": [size.making.size_mb for size in sizes],
    }
    if all(size.answers for size in sizes):
        costs["a search, p50"] = [size.spent_ms(0.5) for size in sizes]
        costs["a search, p95"] = [size.spent_ms(0.95) for size in sizes]
        steps = dict.fromkeys(step for took in sizes[0].answers for step in took.steps_ms)
        costs |= {step: [size.step_ms(step) for size in sizes] for step in sorted(steps)}
        columns = ("ms", *(f"{size.count:,}" for size in sizes))
        rows: list[tuple[Cell, ...]] = [(name, *values) for name, values in costs.items()]
        tables.append(Table("searching, steps in the mean", columns, tuple(rows[2:])))
    if len(sizes) > 1:
        counts = [size.count for size in sizes]
        figures = [
            Figure(f"exponent of growth, {name}", exponent(counts, values))
            for name, values in costs.items()
            if min(values) > 0
        ]
    return Report(tuple(figures), tuple(tables))
