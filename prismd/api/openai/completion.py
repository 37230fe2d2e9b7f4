"""Answers in the shapes of OpenAI's chat completions, whole and in chunks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from prismd.answer.answering import FullAnswer
from prismd.domain import Answer, Citation, Explanation, Hit, PageLocator, TextLocator
from prismd.models.base import ToolCall
from prismd.timing import iso_time
from prismd.wording import plain, shown_name

_SNIPPET_CHARS = 300

FinishReason = Literal["stop", "length", "tool_calls"]


class UrlCitation(Struct, frozen=True):
    """A range of an answer and where it comes from."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(Struct, frozen=True):
    """OpenAI's annotation of an answer."""

    url_citation: UrlCitation
    type: Literal["url_citation"] = "url_citation"


class Usage(Struct, frozen=True):
    """Tokens that an answer took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


def usage_of(prompt: int, completion: int) -> Usage:
    """Tokens of prompt and answer, and their sum."""
    return Usage(prompt, completion, prompt + completion)


class SearchHit(Struct, frozen=True):
    """A source that was found, in the shape that some clients know."""

    title: str
    url: str
    snippet: str
    date: str


class ExplainedHit(Struct, frozen=True):
    """How a passage came to its place."""

    chunk_id: str
    path: str
    score: float
    similarity: float
    explanation: Explanation


Searched = Literal["meaning", "words"]
"""How was searched; ``words`` where what says the same in other words could not be found."""


def searched(*, by_words_alone: bool) -> Searched:
    """How was searched, as answers of the API say it."""
    return "words" if by_words_alone else "meaning"


class PrismNote(Struct, frozen=True):
    """prismd's own part of an answer.

    ``searched`` is ``words`` where what says the same in other words could not be found.
    """

    citations: tuple[Citation, ...]
    grounding: str
    query: str
    engine: str
    timings_ms: Mapping[str, float]
    hits: tuple[ExplainedHit, ...] | UnsetType = UNSET
    warnings: tuple[str, ...] = ()
    searched: Searched = "meaning"


class Sources(Struct, frozen=True):
    """What an answer rests on."""

    citations: tuple[str, ...]
    search_results: tuple[SearchHit, ...]
    prism: PrismNote


class Found(Struct, frozen=True):
    """What a search of the files brought to light."""

    query: str
    hits: tuple[Hit, ...]


class Reply(Struct, frozen=True):
    """A finished completion, whoever made it.

    Attributes:
        found: What the search found that it rests on.
        not_kept: Why it cannot be asked for once more, where it should have been kept.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    annotations: tuple[Annotation, ...] = ()
    sources: Sources | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    found: Found | None = None
    not_kept: str = ""


Item = str | ToolCall | Reply
Work = Callable[[], Iterator[Item]]
"""Makes text piece by piece, each call of a tool whole, then the whole reply. Blocks."""


class CalledFunction(Struct, frozen=True):
    """The function that is to be called; ``arguments`` is JSON, as text."""

    name: str
    arguments: str


class Called(Struct, frozen=True):
    """A call of a tool that the model asks for; ``index`` only in a stream."""

    id: str
    function: CalledFunction
    type: Literal["function"] = "function"
    index: int | UnsetType = UNSET


class AssistantMessage(Struct, frozen=True):
    """The answer; ``content`` is null where it is nothing but calls."""

    content: str | None
    annotations: tuple[Annotation, ...] = ()
    role: Literal["assistant"] = "assistant"
    refusal: None = None
    tool_calls: tuple[Called, ...] | UnsetType = UNSET


class Choice(Struct, frozen=True):
    """The only choice."""

    message: AssistantMessage
    finish_reason: FinishReason
    index: int = 0
    logprobs: None = None


class ChatCompletion(Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    object: Literal["chat.completion"] = "chat.completion"
    citations: tuple[str, ...] | UnsetType = UNSET
    search_results: tuple[SearchHit, ...] | UnsetType = UNSET
    prism: PrismNote | UnsetType = UNSET


class Delta(Struct, frozen=True):
    """A piece of an answer."""

    content: str
    role: Literal["assistant"] | UnsetType = UNSET
    annotations: tuple[Annotation, ...] | UnsetType = UNSET
    tool_calls: tuple[Called, ...] | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True):
    """The only choice, as a piece."""

    delta: Delta
    finish_reason: FinishReason | None = None
    index: int = 0
    logprobs: None = None


class ChatChunk(Struct, frozen=True, kw_only=True):
    """A piece of an answer as it is sent."""

    id: str
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    usage: Usage | UnsetType | None = UNSET
    citations: tuple[str, ...] | UnsetType = UNSET
    search_results: tuple[SearchHit, ...] | UnsetType = UNSET
    prism: PrismNote | UnsetType = UNSET


class Head(Struct, frozen=True):
    """What every chunk of one answer has alike."""

    id: str
    created: int
    model: str
    with_usage: bool = False


def completion(head: Head, reply: Reply) -> ChatCompletion:
    """The whole answer."""
    calls = tuple(_called(call) for call in reply.tool_calls)
    message = AssistantMessage(
        None if calls and not reply.text else reply.text,
        reply.annotations,
        tool_calls=calls or UNSET,
    )
    return ChatCompletion(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=(Choice(message, reply.finish_reason),),
        usage=reply.usage,
        **_source_fields(reply),
    )


def first_chunk(head: Head) -> ChatChunk:
    """Role and no text yet."""
    return _chunk(head, Delta("", role="assistant"))


def text_chunk(head: Head, text: str) -> ChatChunk:
    """Text as it is made."""
    return _chunk(head, Delta(text))


def call_chunk(head: Head, index: int, call: ToolCall) -> ChatChunk:
    """A call, whole; ``index`` counts the calls of the answer from 0."""
    return _chunk(head, Delta("", tool_calls=(_called(call, index),)))


def last_chunks(head: Head, reply: Reply) -> Iterator[ChatChunk]:
    """Annotations, then the end with its sources, then the usage if it was asked for."""
    if reply.annotations:
        yield _chunk(head, Delta("", annotations=reply.annotations))
    end = _chunk(head, Delta(""), reply.finish_reason)
    yield msgspec.structs.replace(end, **_source_fields(reply))
    if head.with_usage:
        yield ChatChunk(
            id=head.id, created=head.created, model=head.model, choices=(), usage=reply.usage
        )


def reply_of(answer: FullAnswer, usage: Usage, base_url: str, *, explain: bool) -> Reply:
    """A cited answer as a reply."""
    hits = tuple(
        ExplainedHit(
            f"chunk-{hit.passage_id}", hit.path, hit.score, hit.similarity, hit.explanation
        )
        for hit in answer.hits
    )
    note = PrismNote(
        answer.citations,
        answer.grounding,
        answer.query,
        answer.engine,
        answer.timings_ms,
        hits if explain else UNSET,
        answer.warnings,
        searched(by_words_alone=answer.by_words_alone),
    )
    return Reply(
        answer.text,
        answer.finish_reason,
        usage,
        tuple(_annotation(citation) for citation in answer.citations),
        Sources(
            citation_urls(answer, base_url),
            tuple(_search_hit(hit, base_url) for hit in answer.hits),
            note,
        ),
        found=Found(answer.query, answer.hits),
    )


def citation_urls(answer: Answer, base_url: str) -> tuple[str, ...]:
    """The sources' addresses, such that ``[n]`` in the text is the n-th of them."""
    by_number = {citation.n: citation.url for citation in reversed(answer.citations)}
    urls = []
    for n in range(1, max(by_number, default=0) + 1):
        # A number that is not cited keeps its place: it is the n-th hit.
        hit = answer.hits[n - 1] if n <= len(answer.hits) else None
        urls.append(by_number.get(n) or (content_url(hit, base_url) if hit else base_url))
    return tuple(urls)


def source_list(answer: Answer) -> str:
    """The sources as Markdown, for clients that show nothing but text."""
    lines = {
        f"- [{citation.n}] [{citation.title}]({citation.url}){_place(citation)}"
        for citation in answer.citations
    }
    if not lines:
        return ""
    by_number = sorted(lines, key=lambda line: (int(line[3 : line.index("]")]), line))
    return "\n\n**Sources**\n\n" + "\n".join(by_number)


def content_url(hit: Hit, base_url: str) -> str:
    """Where the file of a hit can be read."""
    return f"{base_url}/files/file-{hit.file_id}/content"


def _chunk(head: Head, delta: Delta, finish_reason: FinishReason | None = None) -> ChatChunk:
    return ChatChunk(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=(ChunkChoice(delta, finish_reason),),
        usage=None if head.with_usage else UNSET,
    )


def _called(call: ToolCall, index: int | UnsetType = UNSET) -> Called:
    return Called(call.id, CalledFunction(call.name, call.arguments), index=index)


def _source_fields(reply: Reply) -> dict[str, Any]:
    return {} if reply.sources is None else msgspec.structs.asdict(reply.sources)


def _annotation(citation: Citation) -> Annotation:
    return Annotation(
        UrlCitation(citation.char_start, citation.char_end, citation.title, citation.url)
    )


def _search_hit(hit: Hit, base_url: str) -> SearchHit:
    return SearchHit(
        title=plain(hit.title) or plain(shown_name(hit.path)),
        url=content_url(hit, base_url),
        snippet=" ".join(hit.passage.text.split())[:_SNIPPET_CHARS],
        date=iso_time(hit.modified_at)[:10],
    )


def _place(citation: Citation) -> str:
    locator = citation.locator
    if isinstance(locator, PageLocator):
        return f", page {locator.page}"
    if isinstance(locator, TextLocator):
        first, last = locator.line_start, locator.line_end
        return f", line {first}" if first == last else f", lines {first} to {last}"
    return ""
