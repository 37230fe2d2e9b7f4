"""``/v1/vector_stores``: each watched folder is a store, and the uploads are one."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal, NoReturn

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api.description import between, described
from prismd.api.files import in_range
from prismd.api.openai.narrowing import UPLOADS_ID, id_of, store_of
from prismd.api.openai.paging import DEFAULT_LIMIT, MAX_LIMIT, Order, Page, page_within
from prismd.api.services import Api, ApiRequest, api_of
from prismd.domain import FileState
from prismd.errors import RequestError
from prismd.store import collections
from prismd.store.collections import Collection

FileStatus = Literal["in_progress", "completed", "failed", "cancelled"]
STATES: dict[FileStatus, tuple[FileState, ...]] = {
    "in_progress": ("pending", "processing"),
    "completed": ("completed",),
    "failed": ("failed", "quarantined"),
    "cancelled": ("skipped",),
}
"""A file that is skipped has nothing wrong with it: it is empty, too large, or no document."""


class FileCounts(Struct, frozen=True):
    """Files by status; ``cancelled`` are those that were skipped."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class VectorStore(Struct, frozen=True, kw_only=True):
    """A watched folder, or the uploads.

    Attributes:
        usage_bytes: Of the files on the disk.
        last_active_at: When something of it was last read.
        metadata: The folder's ``path``.
    """

    id: str
    name: str
    created_at: int
    last_active_at: int
    status: Literal["in_progress", "completed"]
    file_counts: FileCounts
    usage_bytes: int
    metadata: dict[str, str]
    expires_after: None = None
    expires_at: None = None
    object: Literal["vector_store"] = "vector_store"


@get(
    ["/v1/vector_stores", "/vector_stores"],
    operation_class=described(parameters={"limit": between(1, MAX_LIMIT, DEFAULT_LIMIT)}),
    summary="The watched folders and the uploads",
)
async def list_stores(
    request: ApiRequest,
    limit: FromQuery[int] = DEFAULT_LIMIT,
    order: FromQuery[Order] = "desc",
    after: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Page[VectorStore]:
    """Every store in the order in which it was first watched, page by page."""
    in_range(limit, 1, MAX_LIMIT, "limit")
    api = api_of(request)
    stores = await api.offload.read(lambda: _stores(api))
    return page_within(stores if order == "asc" else stores[::-1], limit, after, before)


@get(
    ["/v1/vector_stores/{store_id:str}", "/vector_stores/{store_id:str}"],
    summary="One watched folder, or the uploads",
)
async def get_store(request: ApiRequest, store_id: FromPath[str]) -> VectorStore:
    """A store with its figures."""
    api = api_of(request)
    return await api.offload.read(lambda: _store(api, store_of(api.services.database, store_id)))


@post(
    ["/v1/vector_stores", "/vector_stores"],
    status_code=200,
    sync_to_thread=False,
    operation_class=described(refuses=True),
    summary="Refused: a store is a watched folder",
)
def create_store(request: ApiRequest) -> VectorStore:
    """Says how a folder is watched: no store can be made in another way."""
    refuse(
        "a vector store is a watched folder; add one with POST /roots or 'prismd add FOLDER', and"
        f" uploads are all in {UPLOADS_ID!r}"
    )


@post(
    ["/v1/vector_stores/{store_id:str}", "/vector_stores/{store_id:str}"],
    status_code=200,
    operation_class=described(refuses=True),
    summary="Refused: a store is as its folder is",
)
async def update_store(request: ApiRequest, store_id: FromPath[str]) -> VectorStore:
    """Says why a store cannot be changed."""
    await found(request, store_id)
    refuse("a vector store is called as its folder is, never expires, and has no other metadata")


@delete(
    ["/v1/vector_stores/{store_id:str}", "/vector_stores/{store_id:str}"],
    status_code=200,
    operation_class=described(refuses=True),
    summary="Refused: a store is a watched folder",
)
async def delete_store(request: ApiRequest, store_id: FromPath[str]) -> dict[str, Any]:
    """Says how a folder is forgotten."""
    store = await found(request, store_id)
    refuse(
        "a vector store is a watched folder; forget it with DELETE /roots?path=… or 'prismd remove"
        " FOLDER'"
        if store.path
        else "the uploads always have a store; forget them one by one with DELETE /v1/files/{id}"
    )


async def found(request: ApiRequest, store_id: str) -> Collection:
    """A store by its id.

    Raises:
        RequestError: 404.
    """
    api = api_of(request)
    return await api.offload.read(lambda: store_of(api.services.database, store_id))


def refuse(message: str) -> NoReturn:
    """Say in words what is done otherwise here.

    Raises:
        RequestError: Always.
    """
    raise RequestError(message, code="unsupported_operation")


def _stores(api: Api) -> list[VectorStore]:
    return [_store(api, store) for store in api.services.database.read(collections.known)]


def _store(api: Api, known: Collection) -> VectorStore:
    store = api.services.database.read(lambda c: collections.counted(c, known))
    counts = {
        status: sum(store.states.get(state, 0) for state in states)
        for status, states in STATES.items()
    }
    created = int(store.created_at)
    return VectorStore(
        id=id_of(store),
        name=PurePath(store.path).name or store.path or "Uploads",
        created_at=created,
        last_active_at=max(created, int(store.indexed_at or 0)),
        status="in_progress" if counts["in_progress"] else "completed",
        file_counts=FileCounts(**counts, total=sum(counts.values())),
        usage_bytes=store.size_bytes,
        metadata={"path": store.path} if store.path else {},
    )


ROUTES: list[HTTPRouteHandler] = [list_stores, get_store, create_store, update_store, delete_store]
