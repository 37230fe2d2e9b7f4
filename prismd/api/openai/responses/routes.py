"""``/v1/responses``: making them, and looking after those that are kept."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, Literal

from litestar import Litestar, Response, delete, get, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api.body import decode_body
from prismd.api.description import EVENT, EVENTS, between, described
from prismd.api.examples import BODY_BYTES
from prismd.api.files import in_range
from prismd.api.openai.asking import plan
from prismd.api.openai.completion import Item, Work
from prismd.api.openai.generating import respond
from prismd.api.openai.narrowing import Narrowing, narrowing
from prismd.api.openai.parts import check_size
from prismd.api.openai.responses.items import ConversationItem, Given, referred, taken
from prismd.api.openai.responses.keeping import Keeping, input_items
from prismd.api.openai.responses.shape import Frame, ResponseObject, frame_of
from prismd.api.openai.responses.telling import ResponseTelling
from prismd.api.openai.responses.translating import check, file_searches, is_cited, translate
from prismd.api.openai.responses.truncating import truncated
from prismd.api.openai.responses.wire import ResponsesRequest
from prismd.api.openai.wire import ChatRequest
from prismd.api.services import Api, ApiRequest, ApiSettings, Services, api_of
from prismd.errors import RequestError

_ITEMS = 20
_MAX_ITEMS = 100


class DeletedResponse(Struct, frozen=True):
    """A response that is no more."""

    id: str
    object: Literal["response"] = "response"
    deleted: bool = True


class InputItems(Struct, frozen=True):
    """What a response answers, page by page."""

    data: tuple[ConversationItem, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


@post(
    ["/v1/responses", "/responses"],
    status_code=200,
    request_max_body_size=BODY_BYTES,
    operation_class=described(
        ResponsesRequest,
        answer=ResponseObject,
        also={EVENTS: EVENT},
        statuses=(404, 504),
        rules={"required": ["input"], "properties": {"input": {"not": {"type": "null"}}}},
        example={"model": "prism", "input": "When does the train to Lisbon leave?"},
    ),
    summary="Ask your files, or the bare generator, and go on with an earlier answer",
)
async def create_response(request: ApiRequest) -> Response[Any]:
    """Answer a request for a response, whole or as typed server-sent events."""
    api = api_of(request)
    asked = await decode_body(request, ResponsesRequest)
    check(asked)
    body_bytes = len(await request.body())
    work, frame = await api.offload.read(lambda: _plan(api, asked, body_bytes))
    return await respond(request, api, work, ResponseTelling(frame), stream=bool(asked.stream))


@get(
    ["/v1/responses/{response_id:str}", "/responses/{response_id:str}"],
    operation_class=described(answer=ResponseObject, statuses=(404,)),
    summary="A response that was kept",
)
async def get_response(
    request: ApiRequest, response_id: FromPath[str], stream: FromQuery[bool] = False
) -> Response[Any]:
    """The response as it was sent; only one that is still in work could be streamed."""
    keeping = _keeping(api_of(request))
    kept = await api_of(request).offload.read(lambda: keeping.find(response_id))
    if stream:
        raise RequestError(
            "stream: this response is whole, and was not made in the background; ask without it",
            param="stream",
            code="unsupported_parameter",
        )
    return Response(kept.response, media_type=MediaType.JSON)


@delete(
    ["/v1/responses/{response_id:str}", "/responses/{response_id:str}"],
    status_code=200,
    summary="Forget a response",
)
async def delete_response(request: ApiRequest, response_id: FromPath[str]) -> DeletedResponse:
    """Forget a response, with what was asked; those that go on from it stay."""
    keeping = _keeping(api_of(request))
    await api_of(request).offload.read(lambda: keeping.delete(response_id))
    return DeletedResponse(response_id)


@get(
    ["/v1/responses/{response_id:str}/input_items", "/responses/{response_id:str}/input_items"],
    operation_class=described(parameters={"limit": between(1, _MAX_ITEMS, _ITEMS)}),
    summary="What a response answers",
)
async def list_input_items(
    request: ApiRequest,
    response_id: FromPath[str],
    limit: FromQuery[int] = _ITEMS,
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    after: FromQuery[str] = "",
) -> InputItems:
    """The items that came with the request, not those of the responses before it."""
    in_range(limit, 1, _MAX_ITEMS, "limit")
    keeping = _keeping(api_of(request))
    kept = await api_of(request).offload.read(lambda: keeping.find(response_id))
    items = input_items(kept)
    return _page(items if order == "asc" else items[::-1], limit, after)


@post(
    ["/v1/responses/{response_id:str}/cancel", "/responses/{response_id:str}/cancel"],
    status_code=200,
    operation_class=described(refuses=True),
    summary="Refused: no response is made in the background",
)
async def cancel_response(request: ApiRequest, response_id: FromPath[str]) -> Response[Any]:
    """Say that there is nothing to call off; to end an answer, close its connection."""
    keeping = _keeping(api_of(request))
    await api_of(request).offload.read(lambda: keeping.find(response_id))
    raise RequestError(
        "a response that was not made in the background cannot be cancelled; close the connection"
        " on which it comes",
        code="invalid_request",
        param="response_id",
    )


def _plan(api: Api, asked: ResponsesRequest, body_bytes: int) -> tuple[Work, Frame]:
    """What it takes to answer, and the response that will be; reads what is kept."""
    services, settings, keeping = api.services, api.settings, _keeping(api)
    response_id = f"resp_{uuid.uuid4().hex}"
    earlier: list[ConversationItem] = []
    if asked.previous_response_id is not None:
        earlier = keeping.conversation(asked.previous_response_id)
    given = _given(keeping, asked, response_id, earlier)
    translated = translate(asked, earlier, given)
    narrowed = _narrowing(api, asked)
    with translated.named():
        check_size(body_bytes, translated.pictures())
        work = plan(translated.chat, services, settings, narrowed)
    if asked.truncation == "auto" and not is_cited(asked.model):
        work = _cut(translated.chat, services, settings)
    keep = asked.store is not False and keeping.keeps
    frame = frame_of(
        asked,
        response_id,
        int(time.time()),
        settings.sampling,
        keep=keep,
        cited=is_cited(asked.model),
    )
    return keeping.keeping(work, frame, given), frame


def _cut(chat: ChatRequest, services: Services, settings: ApiSettings) -> Work:
    """The work of a request to the bare generator that is cut to what there is room for."""
    generator, longest = services.generator, chat.max_completion_tokens

    def work() -> Iterator[Item]:
        assert generator is not None  # noqa: S101 - the whole request was planned before
        fitting = truncated(chat, generator, longest or settings.sampling.max_tokens)
        return plan(fitting, services, settings)()

    return work


def _given(
    keeping: Keeping, asked: ResponsesRequest, response_id: str, earlier: list[ConversationItem]
) -> list[Given]:
    known = keeping.items(referred(asked.input))
    there = frozenset(item.id for item in earlier)
    return taken(asked.input or "", response_id, known, there)


def _narrowing(api: Api, asked: ResponsesRequest) -> Narrowing:
    for number in file_searches(asked):
        tool = (asked.tools or [])[number]
        return narrowing(
            api.services.database,
            tool.vector_store_ids,
            tool.filters,
            tool.max_num_results,
            tool.ranking_options,
            param=f"tools[{number}].",
        )
    return Narrowing()


def _keeping(api: Api) -> Keeping:
    return Keeping(api.services.database, api.settings.responses)


def forget_old_responses(app: Litestar) -> None:
    """Have forgotten what grew too old while prismd did not run; the start waits for nothing."""
    _keeping(app.state.api).prune()


def _page(items: tuple[ConversationItem, ...], limit: int, after: str) -> InputItems:
    if after:
        places = [place for place, item in enumerate(items) if item.id == after]
        if not places:
            raise RequestError(
                f"after: there is no item {after[:80]!r} here; name one of this list",
                param="after",
                code="invalid_request",
            )
        items = items[places[0] + 1 :]
    page = items[:limit]
    first, last = (page[0].id, page[-1].id) if page else (None, None)
    return InputItems(page, first, last, len(items) > limit)


ROUTES: list[HTTPRouteHandler] = [
    create_response,
    get_response,
    delete_response,
    list_input_items,
    cancel_response,
]
