"""``POST /search``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from litestar import Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Struct, UnsetType

from prismd.answer.answering import FullAnswer, Question
from prismd.api import wire
from prismd.api.body import decode_body
from prismd.api.description import described
from prismd.api.examples import BODY_BYTES, example_of
from prismd.api.openai.cited import stream_of
from prismd.api.openai.completion import Reply, Searched, Usage, searched
from prismd.api.openai.generating import begin, collect
from prismd.api.openai.model_names import no_generator
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.streaming import watching_client
from prismd.domain import (
    Box,
    Citation,
    DocumentType,
    Explanation,
    Filters,
    Hit,
    ImageLocator,
    Locator,
    PageLocator,
    TimeLocator,
)
from prismd.errors import RequestError
from prismd.models.base import Message
from prismd.place import rounded
from prismd.search.likeness import Example
from prismd.search.query import combine, parse_query
from prismd.search.searching import RerankMode, SearchResult
from prismd.timing import iso_time

_PREVIEW_CHARS = 200
_SOMETHING = {"type": "string", "minLength": 1}
_ASKS_SOMETHING = {
    "anyOf": [
        {"required": [name], "properties": {name: _SOMETHING}}
        for name in ("query", "image", "audio")
    ]
}


class SourceInfo(Struct, frozen=True, omit_defaults=True):
    """A place in short."""

    type: DocumentType
    page: int | None = None
    timestamp: float | None = None
    image_region: tuple[Box, ...] | None = None


class Metadata(Struct, frozen=True):
    """Where a result stands, and its text."""

    file_id: str
    text: str
    source_info: SourceInfo
    path: str
    title: str
    locator: Locator
    heading: tuple[str, ...]
    sha256: str
    media_type: str
    modified_at: str


class Result(Struct, frozen=True):
    """A passage that was found."""

    chunk_id: str
    similarity: float
    score: float
    metadata: Metadata
    explanation: Explanation | UnsetType = UNSET


class NumberedCitation(Citation, frozen=True, kw_only=True):
    """The record that every endpoint gives, and the guide's three fields."""

    citation_number: int
    source_info: SourceInfo
    text_preview: str


class SearchResponse(Struct, frozen=True, kw_only=True):
    """What was found; with ``answer``, what it says.

    ``searched`` is ``words`` where what says the same in other words could not be found.
    """

    results: tuple[Result, ...]
    query: str
    query_time: float
    timings_ms: dict[str, float]
    response: str | None = None
    citations: tuple[NumberedCitation, ...] = ()
    grounding: Literal["supported", "partial", "none"] | None = None
    warnings: tuple[str, ...] = ()
    searched: Searched = "meaning"


@post(
    "/search",
    status_code=200,
    request_max_body_size=BODY_BYTES,
    operation_class=described(
        wire.SearchRequest,
        answer=SearchResponse,
        rules=_ASKS_SOMETHING,
        statuses=(404, 504),
        example={"query": "When does the train to Lisbon leave?", "limit": 5, "answer": True},
    ),
    summary="Find passages, and answer if asked to",
)
async def search(request: ApiRequest) -> Response[Any]:
    """Search, best first; with ``answer`` true, answer from what was found."""
    started = time.perf_counter()
    api = api_of(request)
    asked = await decode_body(request, wire.SearchRequest)
    _check(asked)
    filters = combine(
        wire.filters_of(asked, "", asked.filter_type),
        wire.filters_of(asked.filters, "filters."),
    )
    if asked.answer:
        response = await _answered(request, api, asked, filters)
    else:
        response = await _found(api, asked, filters)
    elapsed_s = round(time.perf_counter() - started, 4)
    response = msgspec.structs.replace(response, query_time=elapsed_s)
    return Response(msgspec.json.encode(response), media_type=MediaType.JSON)


def _check(asked: wire.SearchRequest) -> None:
    words = parse_query(asked.query or "")[0]
    if not words and not asked.image and not asked.audio:
        raise RequestError(
            "query: says nothing to look for; give words, or list files with GET /files",
            param="query",
            code="invalid_request",
        )
    if asked.image and asked.audio:
        raise RequestError(
            "audio: cannot be asked together with image; send two requests",
            param="audio",
            code="invalid_request",
        )
    if asked.answer and (asked.image or asked.audio):
        raise RequestError(
            "answer: questions about a picture or a recording are not answered; leave it out to"
            " find what is like it",
            param="answer",
            code="unsupported_parameter",
        )


async def _found(api: Api, asked: wire.SearchRequest, filters: Filters) -> SearchResponse:
    limit = asked.limit or api.settings.search_limit
    # A large picture takes seconds; searches of others are not to wait for it.
    example = await _example(api, asked)

    def work() -> SearchResult:
        return api.services.search.search(
            asked.query or "",
            limit=limit,
            filters=filters,
            rerank=_rerank(asked.rerank),
            example=example,
        )

    found = await api.offload.search(work)
    example_kind = "image" if asked.image else "audio" if asked.audio else ""
    api.services.history.searched(
        asked.query or "", found.filters, hits=len(found.hits), example=example_kind
    )
    return SearchResponse(
        results=_results(found.hits, explain=bool(asked.explain)),
        query=found.query,
        query_time=0.0,
        timings_ms=found.timings_ms,
        warnings=found.warnings,
        searched=searched(by_words_alone=found.by_words_alone),
    )


async def _example(api: Api, asked: wire.SearchRequest) -> Example | None:
    if image := asked.image:
        return await api.offload.example(lambda: example_of(api.services, "image", image))
    if audio := asked.audio:
        return await api.offload.example(lambda: example_of(api.services, "audio", audio))
    return None


async def _answered(
    request: ApiRequest, api: Api, asked: wire.SearchRequest, filters: Filters
) -> SearchResponse:
    if asked.engine == "generative" and api.services.generator is None:
        raise no_generator(api.settings)
    question = Question(
        turns=(Message("user", asked.query or ""),),
        filters=filters,
        limit=asked.limit or api.settings.search_limit,
        engine=asked.engine,
    )
    answers: list[FullAnswer] = []

    def work() -> Any:
        for piece in stream_of(api.services, question):
            if isinstance(piece, FullAnswer):
                answers.append(piece)
                yield Reply(piece.text, piece.finish_reason, Usage(0, 0, 0))

    with watching_client(request) as gone:
        await collect(await begin(api, work, gone))
    answer = answers[0]
    return SearchResponse(
        results=_results(answer.hits, explain=bool(asked.explain)),
        query=answer.query,
        query_time=0.0,
        timings_ms=answer.timings_ms,
        response=answer.text,
        citations=tuple(_citation(citation) for citation in answer.citations),
        grounding=answer.grounding,
        warnings=answer.warnings,
        searched=searched(by_words_alone=answer.by_words_alone),
    )


def _rerank(wanted: bool | RerankMode | None) -> RerankMode | None:
    if isinstance(wanted, bool):
        return "always" if wanted else "never"
    return wanted


def _results(hits: Sequence[Hit], *, explain: bool) -> tuple[Result, ...]:
    return tuple(_result(hit, rounded(hit.passage.locator), explain=explain) for hit in hits)


def _result(hit: Hit, place: Locator, *, explain: bool) -> Result:
    return Result(
        f"chunk-{hit.passage_id}",
        hit.similarity,
        hit.score,
        Metadata(
            file_id=f"file-{hit.file_id}",
            text=hit.passage.text,
            source_info=source_info(hit.type, place),
            path=hit.path,
            title=hit.title,
            locator=place,
            heading=hit.passage.heading,
            sha256=hit.sha256,
            media_type=hit.media_type,
            modified_at=iso_time(hit.modified_at),
        ),
        hit.explanation if explain else UNSET,
    )


def source_info(type_: DocumentType, locator: Locator) -> SourceInfo:
    """A place in short."""
    if isinstance(locator, PageLocator):
        return SourceInfo(type_, page=locator.page)
    if isinstance(locator, TimeLocator):
        return SourceInfo(type_, timestamp=locator.start_s)
    if isinstance(locator, ImageLocator):
        return SourceInfo(type_, image_region=locator.boxes)
    return SourceInfo(type_)


def _citation(citation: Citation) -> NumberedCitation:
    return NumberedCitation(
        citation_number=citation.n,
        source_info=source_info(citation.type, citation.locator),
        text_preview=" ".join(citation.quote.split())[:_PREVIEW_CHARS],
        **msgspec.structs.asdict(citation),
    )


ROUTES: list[HTTPRouteHandler] = [search]
