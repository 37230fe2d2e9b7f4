"""``/search/history``: what was searched and asked, and forgetting it."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from litestar import delete, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api.description import between, described
from prismd.api.files import in_range
from prismd.api.openai.completion import iso_time
from prismd.api.services import ApiRequest, api_of
from prismd.errors import RequestError
from prismd.store.history import KeptEntry, Kind

_ENTRY_ID = re.compile(r"history-([1-9][0-9]{0,17})")
_MAX_LIMIT = 1000


class HistoryItem(Struct, frozen=True, kw_only=True):
    """Something that was searched or asked.

    Attributes:
        example: Of what kind the thing was of which the like was looked for; empty for none.
        filters: What narrowed it.
        hits: How many passages came of it.
        engine: What made the answer; None for a search.
        grounding: How well the files support the answer; None for a search.
    """

    id: str
    asked_at: str
    kind: Kind
    query: str
    example: str
    filters: dict[str, Any]
    hits: int
    engine: str | None
    grounding: str | None


class HistoryPage(Struct, frozen=True, kw_only=True):
    """Some of what was searched and asked, newest first.

    Attributes:
        total: In all pages together.
        next: What to give as ``after`` for the next page; None at the end.
        kept: Whether anything is added; ``[search] history`` says so.
    """

    data: tuple[HistoryItem, ...]
    total: int
    next: str | None
    kept: bool
    object: Literal["list"] = "list"


class Forgotten(Struct, frozen=True):
    """How many entries were forgotten."""

    deleted: int


@get(
    "/search/history",
    operation_class=described(
        parameters={
            "limit": between(1, _MAX_LIMIT, 100),
            "after": {"type": "string", "pattern": f"^(|{_ENTRY_ID.pattern})$"},
        }
    ),
    summary="What was searched and asked",
)
async def list_history(
    request: ApiRequest,
    limit: FromQuery[int] = 100,
    after: FromQuery[str] = "",
    kind: FromQuery[Kind | None] = None,
) -> HistoryPage:
    """Searches and questions, newest first, page by page."""
    in_range(limit, 1, _MAX_LIMIT, "limit")
    before_id = _number(after, "after") if after else None
    api = api_of(request)
    history = api.services.history
    entries, total = await api.offload.read(
        lambda: history.page(limit=limit, before_id=before_id, kind=kind)
    )
    return HistoryPage(
        data=tuple(_item(entry) for entry in entries),
        total=total,
        next=f"history-{entries[-1].id}" if len(entries) == limit else None,
        kept=history.settings.kept,
    )


@delete("/search/history", status_code=200, summary="Forget what was searched and asked")
async def clear_history(request: ApiRequest) -> Forgotten:
    """Forget every search and question, kept responses included; nothing of them is left."""
    api = api_of(request)
    return Forgotten(await api.offload.read(api.services.history.clear))


@delete(
    "/search/history/{entry_id:str}",
    status_code=200,
    operation_class=described(
        parameters={"entry_id": {"type": "string", "pattern": f"^{_ENTRY_ID.pattern}$"}}
    ),
    summary="Forget one search or question",
)
async def remove_entry(request: ApiRequest, entry_id: FromPath[str]) -> Forgotten:
    """Forget one entry."""
    api = api_of(request)
    number = _number(entry_id, "entry_id")
    if not await api.offload.read(lambda: api.services.history.remove(number)):
        raise RequestError(
            "there is no entry of this id; GET /search/history lists them",
            status=404,
            code="entry_not_found",
            param="entry_id",
        )
    return Forgotten(1)


def _number(entry_id: str, param: str) -> int:
    match = _ENTRY_ID.fullmatch(entry_id)
    if match is None:
        raise RequestError(
            f"{param}: is not the id of an entry; GET /search/history lists them",
            param=param,
            code="invalid_request",
        )
    return int(match[1])


def _item(entry: KeptEntry) -> HistoryItem:
    return HistoryItem(
        id=f"history-{entry.id}",
        asked_at=iso_time(entry.asked_at),
        kind=entry.kind,
        query=entry.query,
        example=entry.example,
        filters=msgspec.json.decode(entry.filters, type=dict[str, Any]),
        hits=entry.hits,
        engine=entry.engine or None,
        grounding=entry.grounding or None,
    )


ROUTES: list[HTTPRouteHandler] = [list_history, clear_history, remove_entry]
