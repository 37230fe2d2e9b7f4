"""Ranking quality of each way to search, over BEIR-shaped folders.

Each passage of a corpus becomes a file of its own, indexed by the real pipeline; every way of
searching is the product's own ``Search`` with other settings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prismd.search.searching import Search
from tests.benchmarks.report import Cell, Figure, Report, Table
from tests.benchmarks.workbench import RetrievalSet
from tests.evaluation import metrics
from tests.evaluation.ways import Bench, bench, name_of, prepare, spread, told, ways

COLUMNS = ("nDCG@10", "95 %", "recall@10", "recall@100", "hit@1", "MRR@10")
_DEPTH = 100


def suits(folder: Path) -> bool:
    """Whether there are passages, queries and judgements."""
    judged = (folder / "qrels.tsv").exists() or (folder.parent / "qrels.tsv").exists()
    return judged and all((folder / f"{name}.jsonl").exists() for name in ("corpus", "queries"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def measure(folder: Path, options: argparse.Namespace) -> Report:
    """Each way to search, over the judged queries."""
    data, files = prepare(options, folder)
    with bench(options, folder, [files]) as made:
        rows, figures = by_way(made, data, options.limit)
    asked = len(asked_of(data, options.limit))
    title = f"{name_of(folder)}: {len(data.corpus)} passages, {asked} judged queries"
    return Report(figures, (Table(title, ("", *COLUMNS), rows),))


def by_way(
    made: Bench, data: RetrievalSet, limit: int | None, prefix: str = ""
) -> tuple[tuple[tuple[Cell, ...], ...], tuple[Figure, ...]]:
    """A row of ``COLUMNS`` and a figure for each way to search.

    Args:
        made: The index of the set.
        data: What is asked and judged.
        limit: Queries at most.
        prefix: Written before the name of each way.
    """
    stems = data.ids()
    judged = {id_: data.relevant[id_] for id_ in asked_of(data, limit)}
    rows: list[tuple[Cell, ...]] = []
    figures: list[Figure] = []
    for way, settings in ways().items():
        search = made.search(settings)
        ranked = rankings(
            search, data.queries, list(judged), lambda path: stems[path.stem], prefix + way
        )
        rows.append((prefix + way, *cells(ranked, judged)))
        value = metrics.mean([metrics.ndcg(r, judged[q]) for q, r in ranked.items()])
        figures.append(Figure(f"nDCG@10, {prefix}{way}", round(value or 0.0, 4)))
    return tuple(rows), tuple(figures)


def asked_of(data: RetrievalSet, limit: int | None) -> Sequence[str]:
    """Ids of the queries that are judged."""
    return spread([id_ for id_ in data.relevant if id_ in data.queries], limit)


def rankings(
    search: Search,
    queries: Mapping[str, str],
    asked: Sequence[str],
    id_of: Callable[[Path], str],
    what: str,
) -> dict[str, list[str]]:
    """What is found for each query that is asked: ids of passages, best first, each once."""
    ranked = {}
    for done, query_id in enumerate(asked, 1):
        hits = search.search(queries[query_id], limit=_DEPTH).hits
        ranked[query_id] = list(dict.fromkeys(id_of(Path(hit.path)) for hit in hits))
        told(done, len(asked), what)
    return ranked


def cells(
    ranked: Mapping[str, Sequence[str]], judged: Mapping[str, Mapping[str, int]]
) -> tuple[Cell, ...]:
    """A row of ``COLUMNS``."""
    gains = [metrics.ndcg(found, judged[id_]) for id_, found in ranked.items()]
    low, high = metrics.interval(gains)

    def mean(of: Callable[[Sequence[str], Mapping[str, int]], float]) -> float:
        return round(metrics.mean([of(ranked[id_], judged[id_]) for id_ in ranked]) or 0.0, 4)

    return (
        round(metrics.mean(gains) or 0.0, 4),
        f"{low:.3f} to {high:.3f}",
        mean(lambda found, relevant: metrics.recall(found, relevant, 10)),
        mean(lambda found, relevant: metrics.recall(found, relevant, 100)),
        mean(lambda found, relevant: metrics.reciprocal_rank(found, relevant, 1)),
        mean(metrics.reciprocal_rank),
    )
