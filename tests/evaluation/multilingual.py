"""Ranking quality by language: folders of one language each, with one file of judgements."""

from __future__ import annotations

import argparse
from pathlib import Path

from prismd.search.searching import Search
from tests.benchmarks.report import Cell, Figure, Report, Table
from tests.benchmarks.workbench import RetrievalSet
from tests.evaluation import retrieval
from tests.evaluation.ways import bench, name_of, prepare, told


def suits(folder: Path) -> bool:
    """Whether there are folders of languages under one file of judgements."""
    return (folder / "qrels.tsv").exists() and bool(_languages(folder))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def measure(folder: Path, options: argparse.Namespace) -> Report:
    """Each language alone, then all of them in one index."""
    rows: list[tuple[Cell, ...]] = []
    figures: list[Figure] = []
    for part in _languages(folder):
        data, files = prepare(options, part)
        with bench(options, part, [files]) as made:
            found, told_of = retrieval.by_way(made, data, options.limit, f"{part.name}, ")
            rows.extend(found)
            figures.extend(told_of)
    together = Table(
        "All languages in one index: the first hit, shipped settings",
        ("", "the paragraph", "in any language", "of another language"),
        _together(folder, options),
    )
    return Report(
        tuple(figures), (Table(name_of(folder), ("", *retrieval.COLUMNS), tuple(rows)), together)
    )


def _together(folder: Path, options: argparse.Namespace) -> tuple[tuple[Cell, ...], ...]:
    sets = {part.name: prepare(options, part) for part in _languages(folder)}
    with bench(options, folder, [place for _, place in sets.values()]) as made:
        search = made.search()
        return tuple(
            (language, *_first_hits(search, data, place, options.limit))
            for language, (data, place) in sets.items()
        )


def _first_hits(
    search: Search, data: RetrievalSet, place: Path, limit: int | None
) -> tuple[float, float, float]:
    """Shares of first hits: the paragraph, it in any language, anything of another language."""
    stems = data.ids()
    asked = retrieval.asked_of(data, limit)
    own = any_language = foreign = 0
    for done, query_id in enumerate(asked, 1):
        hits = search.search(data.queries[query_id], limit=1).hits
        if hits:
            path = Path(hits[0].path)
            right = data.relevant[query_id].get(stems.get(path.stem, ""), 0) > 0
            any_language += right
            own += right and path.parent == place.resolve()
            foreign += path.parent != place.resolve()
        told(done, len(asked), "all languages")
    count = max(1, len(asked))
    return round(own / count, 4), round(any_language / count, 4), round(foreign / count, 4)


def _languages(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/corpus.jsonl"))
