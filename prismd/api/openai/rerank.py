"""``POST /v1/rerank``, as Cohere's and Jina's clients send it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated

from litestar import post
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, Struct, UnsetType

from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import NOT_BLANK, described
from prismd.api.errors import ClientGone
from prismd.api.openai.model_names import unknown_model
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.streaming import watching_client
from prismd.api.wire import Query
from prismd.errors import ModelError, RequestError
from prismd.models.base import Reranker
from prismd.models.remote import EstimatedTokens
from prismd.search import ranking
from prismd.search.ranking import Scored, Windows

_MAX_DOCUMENTS = 1_000
_MAX_WINDOWS = 2_000
_WINDOWS_EACH = 64

Count = Annotated[int, Meta(ge=1)]


class RerankDocument(Struct, frozen=True):
    """A document with its text; other fields are not read."""

    text: str | None = None


class RerankRequest(Struct, frozen=True, kw_only=True):
    """``POST /v1/rerank``.

    A document that is longer than the model reads is read in windows, of which the best counts:
    64 of them, or ``max_chunks_per_doc``; with ``max_tokens_per_doc``, so many tokens.
    """

    query: Query
    documents: Annotated[list[str | RerankDocument], Meta(min_length=1, max_length=_MAX_DOCUMENTS)]
    model: str | None = None
    top_n: Count | None = None
    return_documents: bool | None = None
    max_chunks_per_doc: Count | None = None
    max_tokens_per_doc: Count | None = None


class DocumentText(Struct, frozen=True):
    """A document as it came."""

    text: str


class RerankResult(Struct, frozen=True):
    """A document by its place in the request."""

    index: int
    relevance_score: float
    document: DocumentText | UnsetType = UNSET


class RerankUsage(Struct, frozen=True):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class BilledUnits(Struct, frozen=True):
    """What Cohere's clients look for; nothing is billed."""

    search_units: int = 0


class RerankMeta(Struct, frozen=True):
    """About the answer."""

    billed_units: BilledUnits = BilledUnits()


class RerankResponse(Struct, frozen=True, kw_only=True):
    """Documents, the most relevant first."""

    id: str
    model: str
    results: tuple[RerankResult, ...]
    usage: RerankUsage
    meta: RerankMeta = RerankMeta()


@post(
    ["/v1/rerank", "/v2/rerank", "/rerank"],
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(
        RerankRequest,
        answer=RerankResponse,
        statuses=(404, 504),
        rules={"properties": {"query": NOT_BLANK}},
        example={
            "query": "When does the train to Lisbon leave?",
            "documents": ["The train to Lisbon leaves at 09:47.", "Water the plants on Sunday."],
        },
    ),
    summary="Put documents in the order in which they answer a query",
)
async def rerank(request: ApiRequest) -> RerankResponse:
    """Score each document of the request against the query, and order them by it."""
    api = api_of(request)
    asked = await decode_body(request, RerankRequest)
    reranker = _reranker(api, asked)
    texts = [_text(document, number) for number, document in enumerate(asked.documents)]
    if not asked.query.strip():
        raise RequestError("query: is empty", param="query", code="invalid_request")
    with watching_client(request) as gone:
        check = _going_on(gone, api.settings.request_timeout_s)

        def work() -> RerankResponse:
            windows = _windows(api, asked, texts)
            logits = ranking.score(reranker, asked.query, windows, check)
            return _response(
                reranker.name, asked, texts, ranking.ranked(logits, asked.top_n), windows
            )

        return await api.offload.rerank(work)


def _response(
    model: str,
    asked: RerankRequest,
    texts: Sequence[str],
    ranked: Sequence[Scored],
    windows: Windows,
) -> RerankResponse:
    return RerankResponse(
        id=f"rerank-{uuid.uuid4().hex}",
        model=model,
        results=tuple(
            RerankResult(
                item.index,
                item.relevance,
                DocumentText(texts[item.index]) if asked.return_documents else UNSET,
            )
            for item in ranked
        ),
        usage=RerankUsage(windows.tokens, windows.tokens),
    )


def _reranker(api: Api, asked: RerankRequest) -> Reranker:
    reranker = api.services.reranker
    if reranker is None:
        raise ModelError("no model that reranks is installed; 'prismd doctor' says how to get one")
    if asked.model and asked.model != reranker.name:
        raise unknown_model(asked.model)
    return reranker


def _text(document: str | RerankDocument, number: int) -> str:
    text = document if isinstance(document, str) else document.text
    if text is None:
        raise RequestError(
            f"documents[{number}].text: is missing; give documents as texts, or as objects with"
            " 'text'",
            param=f"documents[{number}].text",
            code="invalid_request",
        )
    return text


def _windows(api: Api, asked: RerankRequest, texts: list[str]) -> Windows:
    embedder = api.services.embedder
    windows = ranking.cut(
        texts,
        asked.query,
        embedder.tokens if embedder is not None else EstimatedTokens(),
        max_windows=asked.max_chunks_per_doc or _WINDOWS_EACH,
        max_tokens=asked.max_tokens_per_doc,
    )
    if len(windows.texts) > _MAX_WINDOWS:
        raise RequestError(
            f"documents: are too long together ({len(windows.texts):,} windows, {_MAX_WINDOWS:,}"
            " at most); send fewer, or less of each by max_tokens_per_doc",
            param="documents",
            code="documents_too_long",
        )
    return windows


def _going_on(gone: asyncio.Future[None], timeout_s: float) -> Callable[[], None]:
    """Ends work that nobody waits for any more, or that takes too long."""
    end = time.monotonic() + timeout_s

    def check() -> None:
        if gone.done():
            raise ClientGone
        if time.monotonic() > end:
            raise RequestError(
                f"the documents were not all read within {timeout_s:g} s; send fewer, or raise"
                " [server] request_timeout_s",
                status=504,
                code="timeout",
            )

    return check


ROUTES: list[HTTPRouteHandler] = [rerank]
