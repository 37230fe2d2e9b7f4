"""Answers, citations and refusals, held against what people answered and underlined."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from prismd.answer.evidence import confidence
from tests.benchmarks.report import Figure, Report, Table
from tests.evaluation import asking, metrics, retrieval
from tests.evaluation.annotated import Annotated, annotated
from tests.evaluation.asking import Asked
from tests.evaluation.ways import bench, name_of, prepare

_REFUSED = (0.02, 0.05, 0.1, 0.2)
"""Shares of the answerable that thresholds are looked for that refuse."""
_NAMES = {
    "exact": "exact match",
    "f1": "F1 of words",
    "contained": "holds the short answer",
    "rouge": "ROUGE-L",
    "passage_precision": "citation precision, passages",
    "passage_recall": "citation recall, passages",
    "sentence_precision": "citation precision, sentences",
    "sentence_recall": "citation recall, sentences",
}
"""Fields of ``Judged`` and what they are called."""


class Judged(msgspec.Struct, frozen=True):
    """An answer to an answerable question; None is what says nothing of it.

    The precisions are of the answer's citations, the recalls of what the annotators named: all
    passages, and the sentences of the annotator who is met best.
    """

    exact: float | None
    f1: float | None
    contained: float | None
    rouge: float | None
    passage_precision: float | None
    passage_recall: float
    sentence_precision: float | None
    sentence_recall: float | None


def suits(folder: Path) -> bool:
    """Whether there are passages, questions and answers."""
    return retrieval.suits(folder) and (folder / "answers.jsonl").exists()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which engine answers."""
    asking.add_arguments(parser)


def measure(folder: Path, options: argparse.Namespace) -> Report:
    """Ask every question and judge the answers."""
    data, files = prepare(options, folder)
    wanted = annotated(data, options.limit)
    stems = data.ids()
    with bench(options, folder, [files]) as made:
        questions = {id_: data.queries[id_] for id_ in wanted}
        asked = list(asking.answers(made, questions, options))
        times = asking.times(made, questions, options)
    judged = [judge(one, wanted[one.id], stems) for one in asked if wanted[one.id].answerable]
    return Report(
        (*_qualities(judged), *_refusals(asked, wanted), *times),
        (
            _intervals(judged),
            _supports(asked, wanted, stems),
            _groundings(asked, wanted),
            *_thresholds(asked, wanted),
        ),
        (
            f"{name_of(folder)}: {len(asked)} questions, {len(judged)} answerable,"
            f" engine {options.engine}.",
            "A refused answer counts as a wrong one; precision is over answers that cite.",
        ),
    )


def judge(asked: Asked, wanted: Annotated, stems: Mapping[str, str]) -> Judged:
    """Hold an answer against its annotation.

    Args:
        asked: The answer.
        wanted: What people said.
        stems: Ids of passages by the stems of their files.
    """
    text = "" if asked.refused else asked.text
    cited = [
        (stems[Path(citation.path).stem], citation.quote) for citation in asked.answer.citations
    ]
    passages = {passage for passage, _ in cited}
    right = [supports(passage, quote, wanted) for passage, quote in cited]
    return Judged(
        exact=metrics.best(metrics.exact_match, text, wanted.short) if wanted.short else None,
        f1=metrics.best(metrics.token_f1, text, wanted.short) if wanted.short else None,
        contained=metrics.best(metrics.contains, text, wanted.short) if wanted.short else None,
        rouge=metrics.best(metrics.rouge_l, text, wanted.long) if wanted.long else None,
        passage_precision=metrics.share(wanted.passages, passages),
        passage_recall=metrics.share(passages, wanted.passages) or 0.0,
        sentence_precision=metrics.mean(right) if wanted.sentences else None,
        sentence_recall=_recall([quote for _, quote in cited], wanted),
    )


def supports(passage: str, quote: str, wanted: Annotated) -> float:
    """1 where a quote is of a passage and a sentence that an annotator named, else 0."""
    named = [sentence for sentences in wanted.sentences for sentence in sentences]
    return float(
        passage in wanted.passages
        and any(metrics.same_sentence(quote, sentence) for sentence in named)
    )


def _recall(quotes: Sequence[str], wanted: Annotated) -> float | None:
    shares = [
        sum(any(metrics.same_sentence(q, sentence) for q in quotes) for sentence in sentences)
        / len(sentences)
        for sentences in wanted.sentences
        if sentences
    ]
    return max(shares, default=None)


def _qualities(judged: Sequence[Judged]) -> tuple[Figure, ...]:
    return tuple(
        Figure(name, round(mean, 4))
        for name, values in _known(judged)
        if (mean := metrics.mean(values)) is not None
    )


def _intervals(judged: Sequence[Judged]) -> Table:
    rows = []
    for name, values in _known(judged):
        low, high = metrics.interval(values)
        rows.append((name, metrics.mean(values), f"{low:.3f} to {high:.3f}", len(values)))
    return Table("Answers to what can be answered", ("", "mean", "95 %", "answers"), tuple(rows))


def _known(judged: Sequence[Judged]) -> list[tuple[str, list[float]]]:
    """What is known of the answers, by its name; what is known of none is left out."""
    columns = {
        name: [value for one in judged if (value := getattr(one, field)) is not None]
        for field, name in _NAMES.items()
    }
    return [(name, values) for name, values in columns.items() if values]


def _refusals(asked: Sequence[Asked], wanted: Mapping[str, Annotated]) -> tuple[Figure, ...]:
    yes, no = _parted(asked, wanted)
    groups = {"refused of the unanswerable": no, "refused of the answerable": yes}
    return tuple(
        Figure(name, round(sum(one.refused for one in group) / len(group), 4))
        for name, group in groups.items()
        if group
    )


def _thresholds(asked: Sequence[Asked], wanted: Mapping[str, Annotated]) -> tuple[Table, ...]:
    """What would be refused by the confidence in the best passage alone."""
    yes, no = (
        [confidence(one.answer.hits)[0] for one in group] for group in _parted(asked, wanted)
    )
    area = metrics.area_under_curve(yes, no)
    if area is None:
        return ()
    thresholds = [float(np.quantile(yes, part)) for part in _REFUSED]
    rows = tuple(
        (part, round(threshold, 4), round(sum(value < threshold for value in no) / len(no), 4))
        for part, threshold in zip(_REFUSED, thresholds, strict=True)
    )
    title = f"Refusing by the confidence in the best passage: area under the curve {area:.3f}"
    return (Table(title, ("of the answerable", "threshold", "of the unanswerable"), rows),)


def _parted(
    asked: Sequence[Asked], wanted: Mapping[str, Annotated]
) -> tuple[list[Asked], list[Asked]]:
    """The answerable, and those that are not."""
    yes = [one for one in asked if wanted[one.id].answerable]
    return yes, [one for one in asked if not wanted[one.id].answerable]


def _supports(
    asked: Sequence[Asked], wanted: Mapping[str, Annotated], stems: Mapping[str, str]
) -> Table:
    """How often each label of support stands at what annotators named."""
    counts: Counter[str] = Counter()
    passages: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    for one in asked:
        gold = wanted[one.id]
        for citation in one.answer.citations:
            passage = stems[Path(citation.path).stem]
            label = citation.support
            counts[label] += 1
            passages[label] += gold.answerable and passage in gold.passages
            sentences[label] += gold.answerable and supports(passage, citation.quote, gold) > 0
    rows = tuple(
        (label, count, round(passages[label] / count, 3), round(sentences[label] / count, 3))
        for label, count in counts.most_common()
    )
    return Table("Support", ("", "citations", "right passage", "right sentence"), rows)


def _groundings(asked: Sequence[Asked], wanted: Mapping[str, Annotated]) -> Table:
    counts: Counter[tuple[bool, str]] = Counter(
        (wanted[one.id].answerable, one.answer.grounding) for one in asked
    )
    levels = ("supported", "partial", "none")
    rows = tuple((level, counts[True, level], counts[False, level]) for level in levels)
    return Table("Grounding", ("", "answerable", "unanswerable"), rows)
