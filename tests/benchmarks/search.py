"""How long a hybrid search takes, step by step, over an index of made-up documents.

    scripts/bench search --passages 100000 --at FOLDER

The index is made first, and kept where ``--at`` says. Queries are natural questions and keywords,
of frequent words and of rare ones, with and without filters; they come from one caller, and from
several at once. Words are embedded by the real model; since what is found by meaning is made up,
the vector that is looked for is one of the subject of the question.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace, Filters
from prismd.models.base import Embedder, Reranker, TokenCounter
from prismd.search.searching import Search, SearchSettings
from tests.benchmarks.made_corpus import Subjects, opened
from tests.benchmarks.report import Bar, Figure, Report, Table
from tests.benchmarks.workbench import load_models

_P50 = Bar("<=", 25.0)
_P95 = Bar("<=", 50.0)
_WARMING = 10
_RERANKED = 40
_STEPS = ("embed", "retrieve", "fuse", "rerank")


class Asked(msgspec.Struct, frozen=True):
    """A query, what it is about, and what narrows it."""

    kind: str
    words: str
    subject: int
    filters: Filters = Filters()


class Took(msgspec.Struct, frozen=True):
    """What a query took, in all and step by step.

    Attributes:
        asked: The query.
        spent_ms: By the clock.
        cpu_ms: Of the processor, by the thread that asked; what others do on the machine, and
            the reranker's threads, are not in it.
        steps_ms: By the clock.
    """

    asked: Asked
    spent_ms: float
    cpu_ms: float
    steps_ms: dict[str, float]


class OfSubjects:
    """An embedder that takes the time of a real one, and gives the vector of a subject.

    Args:
        embedder: The real one.
        subjects: What the index is about.
    """

    def __init__(self, embedder: Embedder, subjects: Subjects) -> None:
        self._embedder = embedder
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._subjects = subjects

    def expect(self, asked: Asked) -> None:
        """Know what a query is about."""
        self._vectors[asked.words] = self._subjects.near(asked.subject, noise=0.5)[0]

    @property
    def space(self) -> EmbeddingSpace:
        """That of the real one."""
        return self._embedder.space

    @property
    def tokens(self) -> TokenCounter:
        """Those of the real one."""
        return self._embedder.tokens

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the real one does."""
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector of what the query is about."""
        self._embedder.embed_query(text)
        return self._vectors[text]

    def close(self) -> None:
        """Nothing of its own is open."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=40, help="of each kind")
    parser.add_argument("--callers", type=int, default=8, help="that ask at once, in the end")
    parser.add_argument("--no-rerank", action="store_true", help="leave the reranker out")
    parser.add_argument("--at", type=Path, help="where the index is kept")
    parser.add_argument("--models", type=Path, help="where the models are")


def measure(options: argparse.Namespace) -> Report:
    """Ask all queries, without and with the reranker, alone and together."""
    embedder, reranker = load_models(options.models)
    subjects = Subjects(options.passages, embedder.space.dim)
    standing = OfSubjects(embedder, subjects)
    with contextlib.ExitStack() as stack:
        place = options.at or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = opened(place, subjects, options.passages, embedder.space)
        stack.callback(database.close)
        queries = questions(subjects, options.queries)
        for asked in queries:
            standing.expect(asked)

        def searching(reranker: Reranker | None) -> Search:
            settings = SearchSettings()
            return Search(database, standing, reranker, settings, embedder.entry.languages)

        plain = searching(None)
        cold = ask(plain, queries[0])
        ask_all(plain, queries[:_WARMING], 1)
        alone = ask_all(plain, queries, 1)
        together = ask_all(plain, queries, options.callers)
        reranked: list[Took] = []
        if not options.no_rerank:
            natural = [one for one in queries if one.kind.startswith("question")][:_RERANKED]
            ask_all(searching(reranker), natural[:1], 1)
            reranked = ask_all(searching(reranker), natural, 1)
    return _report(options, cold, alone, together, reranked)


def questions(subjects: Subjects, count: int) -> list[Asked]:
    """Queries of every kind, by turns."""
    random = subjects.random

    def frequent() -> str:
        return str(subjects.words[int(random.integers(70, 300))])

    def keywords(subject: int, count: int) -> str:
        return " ".join(subjects.telling(subject, count))

    def natural(subject: int) -> str:
        one, other, third = subjects.telling(subject, 3)
        return f"what is the {one} of the {frequent()} and how does the {other} {third}?"

    def long(subject: int) -> str:
        parts = " and ".join(subjects.telling(subject, 4))
        return (
            f"I would like to know if the {frequent()} that was in the {parts} will be"
            f" {frequent()} or {frequent()} when they look at it"
        )

    kinds: dict[str, Callable[[int], tuple[str, Filters]]] = {
        "1 word": lambda s: (keywords(s, 1), Filters()),
        "3 words": lambda s: (keywords(s, 3), Filters()),
        "3 frequent words": lambda _: (f"{frequent()} {frequent()} {frequent()}", Filters()),
        "question, 12 words": lambda s: (natural(s), Filters()),
        "question, 25 words": lambda s: (long(s), Filters()),
        "question, one type": lambda s: (natural(s), Filters(type=("document",))),
        "question, one folder": lambda s: (natural(s), Filters(folder=(f"folder{s % 100}",))),
        "3 words, a year": lambda s: (
            keywords(s, 3),
            Filters(after="2021-01-01", before="2022-01-01"),
        ),
    }
    found = []
    for _ in range(count):
        for kind, make in kinds.items():
            subject = int(random.integers(subjects.count))
            words, filters = make(subject)
            found.append(Asked(kind, words, subject, filters))
    return found


def ask(search: Search, asked: Asked) -> Took:
    """Ask once."""
    began_s, began_cpu_s = time.perf_counter(), time.thread_time()
    found = search.search(asked.words, filters=asked.filters)
    cpu_s = time.thread_time() - began_cpu_s
    spent_s = time.perf_counter() - began_s
    return Took(asked, 1000 * spent_s, 1000 * cpu_s, found.timings_ms)


def ask_all(search: Search, queries: Sequence[Asked], callers: int) -> list[Took]:
    """Ask by several callers at once, each with a share of the queries."""
    print(f"{len(queries)} queries, {callers} at once", file=sys.stderr)
    begin = threading.Barrier(callers)

    def work(number: int) -> list[Took]:
        begin.wait()
        return [ask(search, asked) for asked in queries[number::callers]]

    with ThreadPoolExecutor(callers) as pool:
        return [took for part in pool.map(work, range(callers)) for took in part]


def _report(
    options: argparse.Namespace,
    cold: Took,
    alone: Sequence[Took],
    together: Sequence[Took],
    reranked: Sequence[Took],
) -> Report:
    p50, p95 = _percentiles([took.spent_ms for took in alone])
    cpu = _percentiles([took.cpu_ms for took in alone])
    at_once = _percentiles([took.spent_ms for took in together])
    over = f"{options.passages:,} passages"
    figures = [
        Figure(f"search without reranking, {over}, p50", p50, "ms", _P50),
        Figure(f"search without reranking, {over}, p95", p95, "ms", _P95),
        Figure(f"processor time of it, {over}, p50", cpu[0], "ms"),
        Figure(f"processor time of it, {over}, p95", cpu[1], "ms"),
        Figure("the first search", cold.spent_ms, "ms"),
        Figure(f"{options.callers} callers at once, p50", at_once[0], "ms"),
        Figure(f"{options.callers} callers at once, p95", at_once[1], "ms"),
    ]
    tables = [
        Table("by kind, ms", ("kind", "p50", "p95", "processor p50", "p95"), _by_kind(alone)),
        Table("by step, ms", ("step", "p50", "p95", "mean"), _by_step(alone)),
    ]
    if reranked:
        p50, p95 = _percentiles([took.spent_ms for took in reranked])
        figures += [
            Figure("questions with reranking, p50", p50, "ms"),
            Figure("questions with reranking, p95", p95, "ms"),
        ]
        tables.append(
            Table("with reranking, ms", ("step", "p50", "p95", "mean"), _by_step(reranked))
        )
    return Report(tuple(figures), tuple(tables))


def _by_kind(all_: Sequence[Took]) -> tuple[tuple[str, float, float, float, float], ...]:
    kinds = dict.fromkeys(took.asked.kind for took in all_)
    rows = []
    for kind in kinds:
        of_kind = [took for took in all_ if took.asked.kind == kind]
        spent = _percentiles([took.spent_ms for took in of_kind])
        rows.append((kind, *spent, *_percentiles([took.cpu_ms for took in of_kind])))
    return tuple(rows)


def _by_step(all_: Sequence[Took]) -> tuple[tuple[str, float, float, float], ...]:
    steps = dict.fromkeys(step for took in all_ for step in took.steps_ms)
    rows = []
    for step in sorted(steps, key=lambda step: (_STEPS.index(step.partition(".")[0]), step)):
        spent = [took.steps_ms.get(step, 0.0) for took in all_]
        rows.append((step, *_percentiles(spent), float(np.mean(spent))))
    return tuple(rows)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(values, (50, 95))
    return float(p50), float(p95)
