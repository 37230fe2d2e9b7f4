"""Question to cited answer: hits, evidence, generated or extracted text, citations."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator as Generating
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd import prompt
from prismd.citation import (
    Attribution,
    attribute,
    corroborating,
    grounding,
    source,
)
from prismd.cited_text import Attribute, CitedText
from prismd.citing import Citing
from prismd.domain import Answer, Filters, Grounding
from prismd.errors import ModelError, RequestError
from prismd.evidence import Evidence, EvidenceSettings, gather, good_enough
from prismd.fitting import fitting
from prismd.models.base import Delta, Embedder, Generator, Message, Reranker, Sampling
from prismd.quoting import Quoting
from prismd.search import Search, SearchResult
from prismd.showing import LEAD, asks_for_picture, asks_for_recording, describe, pictures
from prismd.store import documents
from prismd.store.database import Database
from prismd.verbatim import Match, matches, phrase_of
from prismd.wording import asks_nothing, share_met, subject_words

log = logging.getLogger(__name__)

Engine = Literal["auto", "extractive", "generative"]

REFUSAL = "Your files do not contain an answer to this."
NO_TEXT = "No text in your files answers this."
UNSUPPORTED = "\n\nYour files do not support this answer."
NOTHING_ASKED = "Ask a question, and your files will be searched for its answer."
QUESTION_CHARS = 20_000
_CONTEXT_CHARS = 2_000
_OWN_PASSAGES = 3
_MAX_CORROBORATIONS = 4
_ASKS_AS_SUCH = (asks_for_picture, asks_for_recording)


class AnswerSettings(msgspec.Struct, frozen=True):
    """How answers are made."""

    engine: Engine = "auto"
    evidence: EvidenceSettings = EvidenceSettings()
    sampling: Sampling = Sampling()
    base_url: str = "http://127.0.0.1:7776"


class Question(msgspec.Struct, frozen=True):
    """What is asked: turns of a conversation, the newest last, and how to answer."""

    turns: tuple[Message, ...]
    filters: Filters = Filters()
    limit: int = 10
    engine: Engine | None = None
    sampling: Sampling | None = None


class FullAnswer(Answer, frozen=True):
    """An answer, with what its search had to do without, fit to show to a person."""

    warnings: tuple[str, ...] = ()


class Answering:
    """Answers questions.

    Args:
        database: Where the documents are; citations are kept in it when it is writable.
        search: Finds the passages.
        embedder: Compares sentences by meaning; None compares words alone.
        reranker: Picks the sentences that answer; None picks by similarity.
        generator: Writes answers; None quotes sentences.
        settings: How answers are made.
    """

    def __init__(
        self,
        database: Database,
        search: Search,
        embedder: Embedder | None,
        reranker: Reranker | None,
        generator: Generator | None,
        settings: AnswerSettings,
    ) -> None:
        self._database = database
        self._search = search
        self._embedder = embedder
        self._reranker = reranker
        self.generator = generator
        self.settings = settings
        """How answers are made; may be set by any thread, and counts from the next question on."""
        self._quoting = Quoting(embedder, reranker)
        self._citing = Citing(database, settings.base_url)

    def answer(self, question: Question) -> FullAnswer:
        """The whole answer at once; see ``stream``."""
        for piece in self.stream(question):
            if isinstance(piece, FullAnswer):
                return piece
        raise ModelError("the answer ended without its sources; please report this")

    def stream(self, question: Question) -> Generating[str | FullAnswer, None, None]:
        """Text as it is made, then the whole ``FullAnswer``. Closing stops the generation.

        Raises:
            RequestError: There is no question, it is too long, or the engine asked for is not
                there.
            ModelError: The generator failed.
        """
        started = time.perf_counter()
        engine = self._engine(question.engine or self.settings.engine)
        asked, earlier = resolve(question.turns)
        usage = _Usage()
        first: SearchResult | None = None
        if question.engine != "generative" and (phrase := phrase_of(asked)):
            first, evidence, stated = self._find_phrase(phrase, asked, question)
            if stated:
                cited = CitedText(lambda sentence, claimed: [])
                yield from _stating_matches(cited, stated)
                timings = _timings(first, started)
                yield self._finish(
                    cited, evidence, first, "extractive", usage, timings, question.limit
                )
                return
            first = first if phrase == asked else None
        found, evidence, context = self._find(asked, earlier, question, first)
        cited = CitedText(self._attributor(asked, evidence))
        shown = self._shown(found, evidence)
        if evidence:
            pieces = (
                self._generated(asked, context, evidence, question, usage)
                if engine == "generative"
                else self._quoting.sentences(found.query, evidence)
            )
            for piece in pieces:
                yield from cited.feed(piece)
            yield from cited.finish()
        for note in _closing(cited, asked, found, shown):
            yield from cited.add(note)
        if shown:
            yield from self._showing(cited, shown)
        timings = _timings(found, started)
        yield self._finish(
            cited, [*evidence, *shown], found, engine, usage, timings, question.limit
        )

    # Evidence

    def _find_phrase(
        self, phrase: str, asked: str, question: Question
    ) -> tuple[SearchResult, list[Evidence], list[list[Match]]]:
        """Where words stand as they are; how well they answer anything is not asked."""
        settings = self.settings.evidence
        limit = max(question.limit, settings.max_passages)
        found = self._search.search(phrase, limit=limit, filters=question.filters)
        evidence = gather(found.hits, settings)
        return found, evidence, matches(phrase, evidence, statements_only=phrase == asked)

    def _find(
        self, asked: str, earlier: str, question: Question, first: SearchResult | None = None
    ) -> tuple[SearchResult, list[Evidence], str]:
        """What answers the newest turn, by itself or else together with the one before.

        Args:
            asked: The newest turn.
            earlier: The one before, empty for none.
            question: Filters and limit.
            first: What a search for the newest turn found, where there was one already.

        Returns:
            What was found, the evidence (empty where nothing is good enough), and the earlier
            turn where it was needed.
        """
        settings = self.settings.evidence
        limit = max(question.limit, settings.max_passages)
        if asks_nothing(asked):
            return SearchResult((), asked, question.filters, {}), [], ""
        found = first or self._search.search(asked, limit=limit, filters=question.filters)
        if good_enough(found.hits, settings, found.query, found.compared):
            return found, gather(found.hits, settings), ""
        if earlier:
            wider = self._search.search(f"{earlier} {asked}", limit=limit, filters=question.filters)
            if good_enough(wider.hits, settings, wider.query, wider.compared):
                evidence = gather(wider.hits, settings)
                if self._concerns(found.query, evidence):
                    return wider, evidence, earlier
        return found, [], ""

    def _shown(self, found: SearchResult, evidence: Sequence[Evidence]) -> list[Evidence]:
        """The pictures that show what is asked, numbered after the passages."""
        shown = pictures(found.hits, found.query, found.filters)
        return [
            Evidence(source(number, ""), hit)
            for number, hit in enumerate(shown, start=len(evidence) + 1)
        ]

    def _showing(self, cited: CitedText, shown: Sequence[Evidence]) -> Iterator[str]:
        """Name pictures: what a model of pictures found is said by no model of words."""
        ids = [item.hit.document_id for item in shown]
        about = self._database.read(lambda c: documents.about(c, ids))
        yield from cited.add(f"\n\n{LEAD}" if cited.text else LEAD)
        for item in shown:
            line = describe(item.hit, *about.get(item.hit.document_id, ({}, "")))
            support = Attribution(item.source.n, 0, 0, "weak", item.hit.similarity)
            yield from cited.add("\n- ")
            yield from cited.add(line, support)

    def _concerns(self, asked: str, evidence: Sequence[Evidence]) -> bool:
        """Whether passages have to do with a turn's own words, not with the turn before alone."""
        texts = [item.source.text for item in evidence[:_OWN_PASSAGES]]
        reranked = any(item.hit.explanation.rerank_score is not None for item in evidence)
        if self._reranker is not None and reranked:
            least = self.settings.evidence.follow_up_threshold
            return float(1 / (1 + np.exp(-self._reranker.score(asked, texts).max()))) >= least
        return not subject_words(asked) or any(share_met(asked, text) > 0 for text in texts)

    def _engine(self, wanted: Engine) -> Literal["extractive", "generative"]:
        if wanted == "generative" and self.generator is None:
            raise RequestError(
                "no model that writes answers is installed; run 'prismd models pull"
                " qwen2.5-coder-0.5b-instruct', or ask with engine 'extractive'",
                code="no_generator",
                param="engine",
            )
        if wanted == "extractive" or self.generator is None:
            return "extractive"
        return "generative"

    # Generated answers

    def _generated(
        self,
        asked: str,
        context: str,
        evidence: Sequence[Evidence],
        question: Question,
        usage: _Usage,
    ) -> Iterator[str]:
        generator = self.generator
        assert generator is not None  # noqa: S101 - _engine saw to it
        sampling = question.sampling or self.settings.sampling
        texts = fitting(evidence, generator, sampling.max_tokens)
        deltas = generator.generate(prompt.build(asked, texts, context), sampling)
        try:
            yield from prompt.without_refusal(usage.counted(deltas))
        finally:
            close = getattr(deltas, "close", None)
            if close is not None:
                close()

    # Citations

    def _attributor(self, asked: str, evidence: Sequence[Evidence]) -> Attribute:
        """Says what supports a sentence of one answer; embeds each source sentence once."""
        sources = [item.source for item in evidence]
        known: dict[str, NDArray[np.float32]] = {}

        def similarities(text: str, others: Sequence[str]) -> NDArray[np.float32]:
            assert self._embedder is not None  # noqa: S101 - looked at below
            wanted = [item for item in dict.fromkeys([text, *others]) if item not in known]
            known.update(zip(wanted, self._embedder.embed_passages(wanted), strict=True))
            return np.array([known[other] @ known[text] for other in others], np.float32)

        compare = similarities if self._embedder is not None else None

        def attributed(sentence: str, claimed: Sequence[int]) -> list[Attribution]:
            found = attribute(sentence, sources, compare, claimed, asked)
            return found + _corroborations(sentence, found, evidence, asked)

        return attributed

    def _finish(
        self,
        cited: CitedText,
        evidence: Sequence[Evidence],
        found: SearchResult,
        engine: str,
        usage: _Usage,
        timings: dict[str, float],
        limit: int,
    ) -> FullAnswer:
        return FullAnswer(
            text=cited.text,
            citations=self._citing.cite([*cited.sentences, *cited.shown], evidence),
            grounding=_grounded(cited),
            query=found.query,
            hits=found.hits[:limit],
            engine=engine,
            timings_ms=timings,
            finish_reason=usage.finish_reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            warnings=found.warnings,
        )


def _corroborations(
    sentence: str, found: Sequence[Attribution], evidence: Sequence[Evidence], asked: str
) -> list[Attribution]:
    """Other documents that say the same as a sentence that is supported, one place in each."""
    if not any(attribution.support in ("exact", "supported") for attribution in found):
        return []
    document_of = {item.source.n: item.hit.document_id for item in evidence}
    cited = {document_of[attribution.n] for attribution in found}
    others = [item.source for item in evidence if item.hit.document_id not in cited]
    further: list[Attribution] = []
    for attribution in corroborating(sentence, others, asked):
        if (document := document_of[attribution.n]) not in cited:
            cited.add(document)
            further.append(attribution)
    return further[:_MAX_CORROBORATIONS]


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: Literal["stop", "length"] = "stop"

    def counted(self, deltas: Iterable[Delta]) -> Iterator[str]:
        """The text of the deltas; notes what the last one says of their number."""
        for delta in deltas:
            if delta.finish_reason is not None:
                self.finish_reason = "length" if delta.finish_reason == "length" else "stop"
                self.prompt_tokens = delta.prompt_tokens
                self.completion_tokens = delta.completion_tokens
            yield delta.text


def _stating_matches(cited: CitedText, stated: Sequence[Sequence[Match]]) -> Iterator[str]:
    """Quote what was asked for by its words, each statement once, with all that state it."""
    for number, group in enumerate(stated):
        if number:
            yield from cited.add("\n")
        supports = [
            Attribution(match.evidence.source.n, match.start, match.end, "exact", match.score)
            for match in group
        ]
        yield from cited.quote(group[0].text, supports)


def _timings(found: SearchResult, started: float) -> dict[str, float]:
    return {**found.timings_ms, "total": round(1000 * (time.perf_counter() - started), 2)}


def resolve(turns: Sequence[Message]) -> tuple[str, str]:
    """The newest question, and the one before, on which it may lean.

    Raises:
        RequestError: There is no turn of the user, or it is empty or too long.
    """
    asked = [turn.content.strip() for turn in turns if turn.role == "user"]
    if not asked or not asked[-1]:
        raise RequestError("messages: the last one of the user is empty", param="messages")
    newest = asked[-1]
    if len(newest) > QUESTION_CHARS:
        raise RequestError(
            f"messages: a question may have {QUESTION_CHARS:,} characters, this one has"
            f" {len(newest):,}; ask a shorter one, or put long texts into a watched folder",
            param="messages",
            code="question_too_long",
        )
    earlier = [turn for turn in asked[:-1] if turn and not asks_nothing(turn)]
    return newest, earlier[-1][:_CONTEXT_CHARS] if earlier else ""


def _closing(
    cited: CitedText, asked: str, found: SearchResult, shown: Sequence[Evidence]
) -> list[str]:
    """What is said when the files do not support the answer."""
    if asks_nothing(asked):
        return [NOTHING_ASKED]
    if not cited.sentences:
        if not shown:
            return [REFUSAL]
        wanted = any(asks(found.query, found.filters) for asks in _ASKS_AS_SUCH)
        return [] if wanted else [NO_TEXT]
    if grounding([sentence.support for sentence in cited.sentences]) == "none":
        return [UNSUPPORTED]
    return []


def _grounded(cited: CitedText) -> Grounding:
    """How well the files support an answer; what a picture shows supports no statement."""
    if not cited.sentences and cited.shown:
        return "partial"
    return grounding([sentence.support for sentence in cited.sentences])
