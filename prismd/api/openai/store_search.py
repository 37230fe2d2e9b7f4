"""``POST /v1/vector_stores/{id}/search``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta, Struct

from prismd.answer.showing import describe
from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import described
from prismd.api.openai.file_filters import AttributeFilter
from prismd.api.openai.narrowing import Narrowing, RankingOptions, narrowing
from prismd.api.openai.store_files import TextContent
from prismd.api.services import ApiRequest, Services, api_of
from prismd.api.wire import Query
from prismd.domain import Hit, Locator, PageLocator, TextLocator, TimeLocator
from prismd.errors import RequestError
from prismd.place import rounded
from prismd.search.query import parse_query
from prismd.search.searching import SearchResult
from prismd.store import attributes, documents
from prismd.store.attributes import Values
from prismd.wording import shown_name

_MAX_QUERIES = 16
_RESULTS = 10
_DEPTH = 100
_RANK_CONSTANT = 10


class StoreSearchRequest(Struct, frozen=True, kw_only=True):
    """``POST /v1/vector_stores/{id}/search``.

    Several queries are searched one by one, and what they find is put together by its ranks. No
    query is rewritten, so ``rewrite_query`` changes nothing.
    """

    query: Query | Annotated[list[Query], Meta(min_length=1, max_length=_MAX_QUERIES)]
    filters: AttributeFilter | None = None
    max_num_results: Annotated[int, Meta(ge=1, le=50)] | None = None
    ranking_options: RankingOptions | None = None
    rewrite_query: bool | None = None


class StoreResult(Struct, frozen=True, kw_only=True):
    """A passage that was found; results come best first, whatever their score.

    Attributes:
        score: Similarity in [0, 1], comparable within one response.
        attributes: Those of the file, and the passage's place: ``page``, or ``line_start`` and
            ``line_end``, or ``start_s`` and ``end_s``; ``heading`` and ``chunk_id``.
    """

    file_id: str
    filename: str
    score: float
    attributes: Values
    content: tuple[TextContent, ...]


class StoreResults(Struct, frozen=True, kw_only=True):
    """What was found; all that was asked for is on the one page."""

    search_query: tuple[str, ...]
    data: tuple[StoreResult, ...]
    has_more: bool = False
    next_page: None = None
    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"


@post(
    ["/v1/vector_stores/{store_id:str}/search", "/vector_stores/{store_id:str}/search"],
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(StoreSearchRequest),
    summary="Find passages in one folder, or in the uploads",
)
async def search_store(request: ApiRequest, store_id: FromPath[str]) -> StoreResults:
    """Search nothing but the files of a store that its filters leave."""
    api = api_of(request)
    asked = await decode_body(request, StoreSearchRequest)
    queries = (asked.query,) if isinstance(asked.query, str) else tuple(asked.query)
    for number, query in enumerate(queries):
        if not parse_query(query)[0]:
            param = "query" if isinstance(asked.query, str) else f"query[{number}]"
            raise RequestError(
                f"{param}: says nothing to look for; give words, or list files with GET"
                f" /v1/vector_stores/{store_id}/files",
                param=param,
                code="invalid_request",
            )

    def work() -> StoreResults:
        within = narrowing(
            api.services.database,
            [store_id],
            asked.filters,
            asked.max_num_results,
            asked.ranking_options,
            store_param="store_id",
        )
        return found_in(api.services, queries, within)

    return await api.offload.search(work)


def found_in(services: Services, queries: Sequence[str], within: Narrowing) -> StoreResults:
    """What is found of queries in what a search is narrowed to. Blocks.

    Raises:
        RequestError: A date in a query's filters is not one.
        StoreError: The search took too long.
    """
    results = [
        services.search.search(query, limit=_DEPTH, filters=within.filters, rerank=within.rerank)
        for query in queries
    ]
    hits = merged(results)[: within.limit or _RESULTS]
    for query, result in zip(queries, results, strict=True):
        services.history.searched(query, result.filters, hits=len(hits))
    return StoreResults(
        search_query=tuple(result.query for result in results),
        data=_results(services, hits),
    )


def merged(results: Sequence[SearchResult]) -> list[Hit]:
    """The hits of several searches in one order, each once with its best similarity. Pure."""
    if len(results) == 1:
        return list(results[0].hits)
    scores: dict[int, float] = {}
    best: dict[int, Hit] = {}
    for result in results:
        for rank, hit in enumerate(result.hits, start=1):
            id_ = hit.passage_id
            scores[id_] = scores.get(id_, 0.0) + 1 / (_RANK_CONSTANT + rank)
            if id_ not in best or hit.similarity > best[id_].similarity:
                best[id_] = hit
    return [best[id_] for id_ in sorted(scores, key=lambda id_: (-scores[id_], id_))]


def _results(services: Services, hits: Sequence[Hit]) -> tuple[StoreResult, ...]:
    files = [hit.file_id for hit in hits]
    pictures = [hit.document_id for hit in hits if not hit.passage.text]
    known, about = services.database.read(
        lambda c: (attributes.of_files(c, files), documents.about(c, pictures))
    )
    return tuple(
        StoreResult(
            file_id=f"file-{hit.file_id}",
            filename=shown_name(hit.path),
            score=hit.similarity,
            attributes={**known.get(hit.file_id, {}), **_place(hit)},
            content=(
                TextContent(
                    hit.passage.text or describe(hit, *about.get(hit.document_id, ({}, "")))
                ),
            ),
        )
        for hit in hits
    )


def _place(hit: Hit) -> Values:
    place: Values = {"chunk_id": f"chunk-{hit.passage_id}"}
    if hit.passage.heading:
        place["heading"] = " > ".join(hit.passage.heading)
    locator: Locator = rounded(hit.passage.locator)
    if isinstance(locator, PageLocator):
        place["page"] = locator.page
    elif isinstance(locator, TimeLocator):
        place |= {"start_s": locator.start_s, "end_s": locator.end_s}
    elif isinstance(locator, TextLocator):
        place |= {"line_start": locator.line_start, "line_end": locator.line_end}
    return place


ROUTES: list[HTTPRouteHandler] = [search_store]
