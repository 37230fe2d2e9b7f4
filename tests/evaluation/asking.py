"""Questions put to the product's own ``Answering``, over an index made for it."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from prismd.answer.answering import (
    BY_WORDS,
    NO_TEXT,
    REFUSAL,
    Answering,
    AnswerSettings,
    Engine,
    FullAnswer,
    Question,
)
from prismd.models import catalog
from prismd.models.base import Generator, Message
from prismd.models.llama import LlamaGenerator
from tests.benchmarks.report import Figure
from tests.benchmarks.workbench import models_folder
from tests.evaluation.ways import Bench, spread, told

_REFUSALS = (REFUSAL, BY_WORDS, NO_TEXT)
_MARKER = re.compile(r"[ \t]*\[\d+\]")


class Asked(msgspec.Struct, frozen=True):
    """A question and its answer.

    Attributes:
        id: Of the question.
        answer: As the product gives it.
    """

    id: str
    answer: FullAnswer

    @property
    def text(self) -> str:
        """The answer without numbers of citations."""
        return _MARKER.sub("", self.answer.text).strip()

    @property
    def refused(self) -> bool:
        """Whether it says that there is no answer."""
        return self.answer.text.startswith(_REFUSALS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which engine answers."""
    parser.add_argument("--engine", choices=("extractive", "generative"), default="extractive")
    parser.add_argument(
        "--generator", default="qwen2.5-coder-0.5b-instruct", help="a model of the catalogue"
    )
    parser.add_argument(
        "--timed", type=int, default=20, metavar="N", help="questions asked again for their times"
    )


def answers(
    bench: Bench, questions: Mapping[str, str], options: argparse.Namespace
) -> Iterator[Asked]:
    """The answers to questions, in their order."""
    with _answering(bench, options) as answering:
        for done, (id_, text) in enumerate(questions.items(), 1):
            yield Asked(id_, answering.answer(Question((Message("user", text),))))
            told(done, len(questions), "answers")


def times(
    bench: Bench, questions: Mapping[str, str], options: argparse.Namespace
) -> tuple[Figure, ...]:
    """How long answers take when nothing is kept: some of the questions, evenly from the whole."""
    count = min(options.timed, len(questions))
    if not count:
        return ()
    texts = list(questions.values())
    chosen = spread(texts, count)
    with _answering(bench.without_kept(), options) as answering:
        answering.answer(Question((Message("user", chosen[0]),)))  # loads the models
        answers = [answering.answer(Question((Message("user", text),))) for text in chosen]
    taken = [answer.timings_ms["total"] for answer in answers]
    return tuple(
        Figure(f"time of an answer, {name} of {count}", round(float(np.quantile(taken, q))), "ms")
        for name, q in (("median", 0.5), ("95th percentile", 0.95))
    )


@contextlib.contextmanager
def _answering(bench: Bench, options: argparse.Namespace) -> Iterator[Answering]:
    engine = cast("Engine", options.engine)
    generator = _generator(options) if engine == "generative" else None
    settings = AnswerSettings(engine=engine)
    try:
        yield Answering(
            bench.database, bench.search(), bench.embedder, bench.reranker, generator, settings
        )
    finally:
        if generator is not None:
            generator.close()


def _generator(options: argparse.Namespace) -> Generator:
    entries = {entry.name: entry for entry in catalog.CATALOG}
    folder: Path = models_folder(options.models)
    return LlamaGenerator(entries[options.generator], folder)
