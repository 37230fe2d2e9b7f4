"""Answers over long documents: which documents are cited, and pages that hold the numbers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2

from prismd.domain import PageLocator
from tests.benchmarks.report import Cell, Figure, Report, Table
from tests.evaluation import asking, metrics
from tests.evaluation.asking import Asked
from tests.evaluation.ways import bench, name_of, spread

_COLUMNS = (
    "questions",
    "precision",
    "recall",
    "recall of hits",
    "page",
    "numbers on pages",
    "numbers in answer",
    "refused",
)


class Judged(msgspec.Struct, frozen=True):
    """An answer; None is what says nothing of it.

    Attributes:
        kind: Of the question.
        precision: Share of the cited documents that the reference rests on.
        recall: Share of those that are cited.
        found: Share of those among the hits.
        page: Share of the reference's pages that are cited, where it names pages.
        on_pages: Share of the numbers of the reference that stand on the cited pages.
        in_answer: Share of them in the answer.
        refused: Whether the answer says that there is none.
    """

    kind: str
    precision: float | None
    recall: float | None
    found: float | None
    page: float | None
    on_pages: float | None
    in_answer: float | None
    refused: float


def suits(folder: Path) -> bool:
    """Whether there are PDFs and questions with their documents."""
    return (folder / "pdfs").is_dir() and _questions_file(folder) is not None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which engine answers."""
    asking.add_arguments(parser)


def measure(folder: Path, options: argparse.Namespace) -> Report:
    """Ask every question whose documents are there, and judge the answers."""
    named = _questions_file(folder)
    assert named is not None
    rows = [json.loads(line) for line in named.read_text("utf-8").splitlines() if line.strip()]
    here = {path.name for path in (folder / "pdfs").iterdir()}
    whole = [row for row in rows if set(documents(row)) <= here]
    chosen = {row["id"]: row for row in spread(whole, options.limit)}
    with bench(options, folder, [folder / "pdfs"]) as made:
        questions = {id_: row["question"] for id_, row in chosen.items()}
        judged = [judge(one, chosen[one.id]) for one in asking.answers(made, questions, options)]
        times = asking.times(made, questions, options)
    kinds = sorted({one.kind for one in judged})
    groups = {kind: [one for one in judged if one.kind == kind] for kind in kinds}
    table = tuple((kind, *_cells(group)) for kind, group in {**groups, "all": judged}.items())
    missing = f"{len(rows) - len(whole)} of {len(rows)} questions need documents that are not there"
    figures = tuple(
        Figure(f"citation {what}, documents", round(value, 4))
        for what in ("precision", "recall")
        if (value := metrics.mean([getattr(one, what) for one in judged])) is not None
    )
    return Report(
        (*figures, *times), (Table(name_of(folder), ("", *_COLUMNS), table),), (f"{missing}.",)
    )


def documents(row: Mapping[str, Any]) -> Sequence[str]:
    """The documents that a reference answer rests on."""
    named: Sequence[str] = row.get("cited_docs") or row["source_docs"]
    return named


def judge(
    asked: Asked,
    row: Mapping[str, Any],
    numbers_of: Callable[[str, int], frozenset[str]] | None = None,
) -> Judged:
    """Hold an answer against its reference.

    Args:
        asked: The answer.
        row: With ``answer``, ``type``, its documents, and perhaps ``pages``: pairs of document
            and page, from 1.
        numbers_of: The numbers on a page of a file; None reads the PDF.
    """
    gold = set(documents(row))
    pages = {
        (citation.path, citation.locator.page)
        for citation in asked.answer.citations
        if isinstance(citation.locator, PageLocator)
    }
    cited = {Path(citation.path).name for citation in asked.answer.citations}
    wanted = metrics.numbers(row["answer"])
    said = set().union(*((numbers_of or _numbers_of)(path, page) for path, page in pages))
    gold_pages = {(document, page) for document, page in row.get("pages", ())}
    return Judged(
        kind=row.get("type", ""),
        precision=metrics.share(gold, cited),
        recall=metrics.share(cited, gold),
        found=metrics.share({Path(hit.path).name for hit in asked.answer.hits}, gold),
        page=metrics.share({(Path(path).name, page) for path, page in pages}, gold_pages),
        on_pages=metrics.share(said, wanted),
        in_answer=metrics.share(metrics.numbers(asked.text), wanted),
        refused=float(asked.refused),
    )


@cache
def _numbers_of(path: str, page: int) -> frozenset[str]:
    document = pypdfium2.PdfDocument(path)
    try:
        return frozenset(metrics.numbers(document[page - 1].get_textpage().get_text_bounded()))
    finally:
        document.close()


def _cells(judged: Sequence[Judged]) -> tuple[Cell, ...]:
    names = ("precision", "recall", "found", "page", "on_pages", "in_answer", "refused")
    means = (metrics.mean([getattr(one, name) for one in judged]) for name in names)
    return (len(judged), *(None if mean is None else round(mean, 4) for mean in means))


def _questions_file(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("questions*.jsonl"))), None)
