"""Question to cited answer: hits, evidence, generated or extracted text, citations."""

from __future__ import annotations

import time
from collections.abc import Generator as Generating
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from prismd.answer import picturing, prompt, showing
from prismd.answer.attributing import attributor
from prismd.answer.citation import Attribution, grounding, same_statement, source
from prismd.answer.cited_text import CitedText
from prismd.answer.citing import Citing
from prismd.answer.conversation import Asked, Context, resolve
from prismd.answer.evidence import Evidence, EvidenceSettings, gather
from prismd.answer.finding import Finding, Found
from prismd.answer.fitting import fitting
from prismd.answer.picturing import Picturing
from prismd.answer.quoting import Quoting
from prismd.answer.verbatim import Match, phrase_of
from prismd.domain import Answer, Filters, Grounding, Hit, Support
from prismd.errors import ModelError, RequestError
from prismd.models.base import Delta, Embedder, Generator, Message, Reranker, Sampling
from prismd.search.searching import Search, SearchResult
from prismd.search.viewing import Viewed
from prismd.store import documents
from prismd.store.database import Database
from prismd.wording import asks_nothing, plain

Engine = Literal["auto", "extractive", "generative"]
_Chosen = Literal["extractive", "generative"]

REFUSAL = "Your files do not contain an answer to this."
BY_WORDS = (
    "No answer was found by the words of your question alone; your files may say it in other words."
)
"""What is said instead of a refusal where nothing could be looked for by its meaning."""
NO_TEXT = "No text in your files answers this."
UNSUPPORTED = "\n\nYour files do not support this answer."
NOTHING_ASKED = "Ask a question, and your files will be searched for its answer."
_ASKS_AS_SUCH = (showing.asks_for_picture, showing.asks_for_recording)


class AnswerSettings(msgspec.Struct, frozen=True):
    """How answers are made."""

    engine: Engine = "auto"
    evidence: EvidenceSettings = EvidenceSettings()
    sampling: Sampling = Sampling()
    base_url: str = "http://127.0.0.1:7776"


class Question(msgspec.Struct, frozen=True):
    """What is asked: turns of a conversation, the newest last, and how to answer.

    ``pictures`` came with the newest turn; where none did, ``pictures_before`` came with the last
    turn that had any.
    """

    turns: tuple[Message, ...]
    pictures: tuple[Viewed, ...] = ()
    pictures_before: tuple[Viewed, ...] = ()
    filters: Filters = Filters()
    limit: int = 10
    engine: Engine | None = None
    sampling: Sampling | None = None


class FullAnswer(Answer, frozen=True):
    """An answer, and how its search was done.

    Attributes:
        warnings: What the search had to do without, fit to show to a person.
        by_words_alone: Whether what says the same in other words could not be found.
    """

    warnings: tuple[str, ...] = ()
    by_words_alone: bool = False


class _Made(msgspec.Struct, frozen=True):
    """An answer's text, and what it was made from."""

    cited: CitedText
    evidence: tuple[Evidence, ...]
    found: SearchResult
    engine: str
    of_sent: bool = False
    """Whether it quotes pictures that came with the question, and not files alone."""
    kin: tuple[Hit, ...] = ()
    """Pictures that no search for words has found."""


_Making = Generating[str, None, _Made]


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
        self._embedder = embedder
        self.generator = generator
        self.settings = settings
        """How answers are made; may be set by any thread, and counts from the next question on."""
        self._quoting = Quoting(embedder, reranker)
        self._citing = Citing(database, settings.base_url)
        self._finding = Finding(search, reranker)
        self._picturing = Picturing(database, search, self._quoting)

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
        asked = resolve(question.turns, pictured=bool(question.pictures))
        usage = _Usage()
        make = self._pictured if question.pictures else self._worded
        made = yield from make(asked, question, engine, usage)
        elapsed_ms = round(1000 * (time.perf_counter() - started), 2)
        yield self._finish(made, question, usage, elapsed_ms)

    def _worded(self, asked: Asked, question: Question, engine: _Chosen, usage: _Usage) -> _Making:
        """Answer a question in words."""
        settings, wanted = self.settings.evidence, (question.filters, question.limit)
        first: SearchResult | None = None
        if question.engine != "generative" and (phrase := phrase_of(asked.text)):
            quoted, stated = self._finding.phrase(phrase, asked.text, *wanted, settings)
            if stated:
                cited = CitedText(lambda sentence, claimed: [])
                yield from _stating_matches(cited, stated)
                return _Made(cited, quoted.evidence, quoted.result, "extractive")
            first = quoted.result if phrase == asked.text else None
        found = self._finding.find(asked, *wanted, settings, first)
        if not found.evidence and (before := question.pictures_before):
            said = self._picturing.answering(asked.text, before, settings, leaning=asked.leans)
            if said:
                return (yield from self._said(said, before, found))
        return (yield from self._from_files(asked, found, question, engine, usage))

    def _from_files(
        self, asked: Asked, found: Found, question: Question, engine: _Chosen, usage: _Usage
    ) -> _Making:
        """Answer from what was found, and name the pictures that show what is asked."""
        evidence, result = found.evidence, found.result
        cited = CitedText(attributor(asked.text, evidence, self._embedder))
        hits = showing.pictures(result.hits, result.query, result.filters)
        if evidence:
            if engine == "generative":
                for piece in self._generated(asked.whole, found.context, evidence, question, usage):
                    yield from cited.feed(piece)
                yield from cited.finish()
            else:
                for quoted in self._quoting.sentences(found.readings, evidence, found.said):
                    yield from cited.state(*quoted)
        for note in _closing(cited, asked.text, result, hits):
            yield from cited.add(note)
        shown = _numbered(hits, evidence)
        yield from self._show(cited, showing.LEAD, shown)
        return _Made(cited, (*evidence, *shown), result, engine)

    # Pictures that came with the question

    def _pictured(
        self, asked: Asked, question: Question, engine: _Chosen, usage: _Usage
    ) -> _Making:
        """Answer a question that came with pictures: from their own words, then from the files."""
        settings, sent = self.settings.evidence, question.pictures
        words = picturing.query_of(sent)
        silent = not asked.text or asks_nothing(asked.text)
        if silent or showing.asks_about_sent(asked.text):
            asked, said = Asked(words), picturing.lines_of(sent)
            about = True
        else:
            context = (Context(words, (words,), words),) if words else ()
            asked = replace(asked, contexts=(*context, *asked.contexts), must_lean=True)
            said, about = self._picturing.answering(asked.text, sent, settings), False
        found = self._finding.find(asked, question.filters, question.limit, settings)
        if asked.leans and not (said or found.evidence):
            said = self._picturing.answering(asked.text, sent, settings, leaning=True)
        if said or about:
            made = yield from self._said(said, sent, found)
            if silent and found.evidence:
                yield from self._more(made.cited, words, said, found.evidence)
        else:
            made = yield from self._from_files(asked, found, question, engine, usage)
        return (yield from self._with_kin(made, question))

    def _said(self, said: Sequence[str], sent: Sequence[Viewed], found: Found) -> _Making:
        """Quote what is written on pictures; who else says exactly the same is cited for it."""
        evidence = found.evidence or tuple(gather(found.result.hits, self.settings.evidence))
        cited = CitedText(attributor("", evidence, self._embedder))
        word_for_word = attributor("", evidence, None)
        lines = [(shown, line) for line in said if (shown := plain(line))]
        yield from cited.add(f"{picturing.lead(sent)}\n" if lines else picturing.NO_WORDS)
        for shown, line in lines:
            yield from cited.add("\n> ")
            supports = [item for item in word_for_word(line, ()) if item.support == "exact"]
            yield from cited.quote(shown, supports)
        return _Made(cited, evidence, found.result, "extractive", of_sent=True)

    def _more(
        self, cited: CitedText, words: str, said: Sequence[str], evidence: Sequence[Evidence]
    ) -> Iterator[str]:
        """What the files say beyond the words of pictures with which nothing was asked."""
        further = [
            (sentence, number)
            for sentence, number in self._quoting.sentences([words], evidence)
            if not any(same_statement(sentence, line) for line in said)
        ]
        yield from cited.add("\n\n" if further else "")
        for sentence, number in further:
            yield from cited.state(sentence, number)

    def _with_kin(self, made: _Made, question: Question) -> _Making:
        """Name the pictures of the index that are the same as those that were sent, or alike."""
        kin = self._picturing.kin(question.pictures, question.filters)
        shown: list[Evidence] = []
        kinds: tuple[tuple[str, tuple[Hit, ...], Support], ...] = (
            (showing.SAME, kin.same, "supported"),
            (showing.NEAR, kin.near, "weak"),
            (showing.ALIKE, kin.alike, "weak"),
        )
        for lead, hits, support in kinds:
            named = _numbered(hits, (*made.evidence, *shown))
            yield from self._show(made.cited, lead, named, support)
            shown += named
        known = {hit.passage_id for hit in made.found.hits}
        others = tuple(item.hit for item in shown if item.hit.passage_id not in known)
        return replace(made, evidence=(*made.evidence, *shown), kin=others)

    def _show(
        self, cited: CitedText, lead: str, shown: Sequence[Evidence], support: Support = "weak"
    ) -> Iterator[str]:
        """Name pictures: what a model of pictures found is said by no model of words."""
        if not shown:
            return
        ids = [item.hit.document_id for item in shown]
        about = self._database.read(lambda c: documents.about(c, ids))
        yield from cited.add(f"\n\n{lead}" if cited.text else lead)
        for item in shown:
            line = showing.describe(item.hit, *about.get(item.hit.document_id, ({}, "")))
            yield from cited.add("\n- ")
            yield from cited.add(
                line, Attribution(item.source.n, 0, 0, support, item.hit.similarity)
            )

    def _engine(self, wanted: Engine) -> _Chosen:
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

    def _finish(
        self, made: _Made, question: Question, usage: _Usage, elapsed_ms: float
    ) -> FullAnswer:
        cited, found = made.cited, made.found
        looked_at = (*question.pictures, *question.pictures_before)
        trouble = (warning for picture in looked_at for warning in picture.warnings)
        return FullAnswer(
            text=cited.text,
            citations=self._citing.cite([*cited.sentences, *cited.shown], made.evidence),
            grounding=_grounded(cited, of_sent=made.of_sent),
            query=found.query,
            hits=(*found.hits[: question.limit], *made.kin),
            engine=made.engine,
            timings_ms={**found.timings_ms, "total": elapsed_ms},
            finish_reason=usage.finish_reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            warnings=tuple(dict.fromkeys((*trouble, *found.warnings))),
            by_words_alone=found.by_words_alone,
        )


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


def _numbered(hits: Sequence[Hit], evidence: Sequence[Evidence]) -> list[Evidence]:
    """Pictures as evidence, numbered after what there is."""
    return [Evidence(source(number, ""), hit) for number, hit in enumerate(hits, len(evidence) + 1)]


def _closing(cited: CitedText, asked: str, found: SearchResult, shown: Sequence[Hit]) -> list[str]:
    """What is said when the files do not support the answer."""
    if asks_nothing(asked):
        return [NOTHING_ASKED]
    if not cited.sentences:
        if not shown:
            return [BY_WORDS if found.by_words_alone else REFUSAL]
        wanted = any(asks(found.query, found.filters) for asks in _ASKS_AS_SUCH)
        return [] if wanted else [NO_TEXT]
    if grounding([sentence.support for sentence in cited.sentences]) == "none":
        return [UNSUPPORTED]
    return []


def _grounded(cited: CitedText, *, of_sent: bool) -> Grounding:
    """How well the files support an answer; a picture that is named supports no statement."""
    found = grounding([sentence.support for sentence in cited.sentences])
    named = cited.shown and (of_sent or not cited.sentences)
    return "partial" if named and found == "none" else found
