"""Questions put to the product's own ``Answering``, over an index made for it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import msgspec

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
from tests.benchmarks.workbench import models_folder
from tests.evaluation.ways import Bench, told

_REFUSALS = (REFUSAL, BY_WORDS, NO_TEXT)
_MARKER = re.compile(r"[ \t]*\[\d+\]")


class Asked(msgspec.Struct, frozen=True):
    """A question and its answer.

    Attributes:
        id: Of the question.
        answer: As the product gives it.
        computed: Whether all that its models told was computed for it, so that its time counts.
    """

    id: str
    answer: FullAnswer
    computed: bool

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


def answers(
    bench: Bench, questions: Mapping[str, str], options: argparse.Namespace
) -> Iterator[Asked]:
    """The answers to questions, in their order."""
    engine = cast("Engine", options.engine)
    generator = _generator(options) if engine == "generative" else None
    settings = AnswerSettings(engine=engine)
    answering = Answering(
        bench.database, bench.search(), bench.embedder, bench.reranker, generator, settings
    )
    try:
        for done, (id_, text) in enumerate(questions.items(), 1):
            before = bench.kept.served
            answer = answering.answer(Question((Message("user", text),)))
            yield Asked(id_, answer, bench.kept.served == before)
            told(done, len(questions), "answers")
    finally:
        if generator is not None:
            generator.close()


def _generator(options: argparse.Namespace) -> Generator:
    entries = {entry.name: entry for entry in catalog.CATALOG}
    folder: Path = models_folder(options.models)
    return LlamaGenerator(entries[options.generator], folder)
