"""``/search/history``: what was searched and asked, and forgetting it."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api import wire
from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import between, described
from prismd.api.files import in_range
from prismd.api.services import Api, ApiRequest, api_of, running
from prismd.domain import Locator
from prismd.errors import RequestError
from prismd.store.cited import CitedFile
from prismd.store.history import KeptEntry, Kind
from prismd.timing import iso_time

_ENTRY_ID = re.compile(r"history-([1-9][0-9]{0,17})")
_MAX_LIMIT = 1000
_MAX_CITED = 100


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
        kept: Whether anything is added.
        allowed: Whether ``[search] history`` lets anything be kept; what it lets be kept can be
            switched off and on by ``POST /search/history``.
    """

    data: tuple[HistoryItem, ...]
    total: int
    next: str | None
    kept: bool
    allowed: bool
    object: Literal["list"] = "list"


class CitedPlace(Struct, frozen=True, kw_only=True):
    """A file, and the place in it that was cited last.

    Attributes:
        asked_at: When the question was asked whose answer cites it.
        url: Of the page that shows the place.
    """

    file_id: str
    path: str
    type: str
    title: str
    asked_at: str
    citation_id: str
    locator: Locator
    url: str


class CitedPlaces(Struct, frozen=True, kw_only=True):
    """Files that the last answers cited, the latest first, each once."""

    data: tuple[CitedPlace, ...]
    object: Literal["list"] = "list"


class HistorySwitch(Struct, frozen=True):
    """Whether anything is added, and whether the settings let it; see ``HistoryPage``."""

    kept: bool
    allowed: bool


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
        kept=history.kept,
        allowed=history.settings.kept,
    )


@get(
    "/search/cited",
    operation_class=described(parameters={"limit": between(1, _MAX_CITED, 10)}),
    summary="The files that the last answers cited",
)
async def list_cited(request: ApiRequest, limit: FromQuery[int] = 10) -> CitedPlaces:
    """Files of the last answers that are kept under ``/search/history``.

    What is not kept, or was forgotten there, is not here either; nor are files that are in the
    index no more. ``/ws`` tells when they may be others.
    """
    in_range(limit, 1, _MAX_CITED, "limit")
    api = api_of(request)
    found = await api.offload.read(lambda: api.services.history.cited_files(limit))
    return CitedPlaces(data=tuple(_place(each, api.settings.base_url) for each in found))


@post(
    "/search/history",
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.HistoryRequest, statuses=(409,)),
    summary="Keep what is searched and asked, or do not",
)
async def switch_history(request: ApiRequest) -> HistorySwitch:
    """Add nothing more, or add again, from now on and after every start.

    What is kept already stays until it is forgotten. Where ``[search] history`` is off, it cannot
    be switched on.
    """
    api = api_of(request)
    running(api.services.ingest)  # what only reads the index adds nothing to it, either
    asked = await decode_body(request, wire.HistoryRequest)
    return await api.offload.change(lambda: _switched(api, on=asked.kept))


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


def _switched(api: Api, *, on: bool) -> HistorySwitch:
    history = api.services.history
    if on and not history.settings.kept:
        raise RequestError(
            "kept: [search] history is off in the configuration; change it there, then run"
            " 'prismd config reload'",
            status=409,
            code="history_off",
            param="kept",
        )
    history.switch(on=on)
    return HistorySwitch(history.kept, history.settings.kept)


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


def _place(cited: CitedFile, base_url: str) -> CitedPlace:
    file, citation = cited.file, cited.citation
    return CitedPlace(
        file_id=f"file-{file.id}",
        path=file.path,
        type=file.type,
        title=citation.title,
        asked_at=iso_time(cited.asked_at),
        citation_id=citation.id,
        locator=citation.locator,
        url=f"{base_url}/c/{citation.id}",
    )


ROUTES: list[HTTPRouteHandler] = [
    list_history,
    list_cited,
    switch_history,
    clear_history,
    remove_entry,
]
