"""What people said of a question: answers, passages, and the sentences that support them."""

from __future__ import annotations

from typing import Any

import msgspec

from prismd.wording import statement_ranges
from tests.benchmarks.workbench import RetrievalSet
from tests.evaluation.ways import spread


class Annotated(msgspec.Struct, frozen=True):
    """A question with what people made of it.

    Attributes:
        id: Of the question.
        answerable: Whether the passages answer it.
        passages: Ids of those that do.
        short: Answers that are a range of a passage.
        long: Answers in an annotator's own sentences.
        sentences: For each annotator, the sentences that the answer rests on.
    """

    id: str
    answerable: bool
    passages: frozenset[str]
    short: tuple[str, ...] = ()
    long: tuple[str, ...] = ()
    sentences: tuple[tuple[str, ...], ...] = ()


def annotated(data: RetrievalSet, limit: int | None = None) -> dict[str, Annotated]:
    """The questions of a set with answers.

    Args:
        data: With ``answers``.
        limit: Questions at most, as many answerable as not where there are both.
    """
    every = [_annotated(row, data) for row in data.answers.values() if row["id"] in data.queries]
    if limit is not None:
        yes = [item for item in every if item.answerable]
        no = [item for item in every if not item.answerable]
        unanswerable = min(len(no), limit // 2)
        every = [*spread(yes, limit - unanswerable), *spread(no, unanswerable)]
    return {item.id: item for item in every}


def _annotated(row: dict[str, Any], data: RetrievalSet) -> Annotated:
    if "output" not in row:
        return _of_range(row, data)
    answerable = not row.get("is_impossible", False)
    outputs = [output for output in row["output"] if output.get("answer")] if answerable else []
    return Annotated(
        row["id"],
        answerable,
        frozenset(row["paragraphs"]),
        long=tuple(output["answer"] for output in outputs),
        sentences=tuple(tuple(output["selected_sentences"]) for output in outputs),
    )


def _of_range(row: dict[str, Any], data: RetrievalSet) -> Annotated:
    """Answers that are ranges of one passage: the sentences that they stand in support them."""
    found = row.get("answers", [])
    text = data.corpus[row["paragraph"]]["text"]
    ranges = statement_ranges(text)
    return Annotated(
        row["id"],
        bool(found) and not row.get("is_impossible", False),
        frozenset([row["paragraph"]]),
        short=tuple(answer["text"] for answer in found),
        sentences=tuple(
            tuple(
                text[start:end]
                for start, end in ranges
                if start < answer["start"] + len(answer["text"]) and answer["start"] < end
            )
            for answer in found
        ),
    )
