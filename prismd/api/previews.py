"""Pictures of files: small ones, and pages with the cited place marked."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from prismd.api import content
from prismd.api.description import BINARY, between, described
from prismd.api.files import find, find_citation, in_range
from prismd.api.services import Api, ApiRequest, api_of
from prismd.disk.source import source_of
from prismd.domain import Box, ImageLocator, PageLocator
from prismd.errors import RequestError
from prismd.store.listing import FileRecord

_MAX_PAGE = 1_000_000
_DPI = 110
_MIN_DPI, _MAX_DPI = 36, 300
_THUMBNAIL_PX = 320
_MIN_THUMBNAIL_PX, _MAX_THUMBNAIL_PX = 16, 2048


@route(
    "/files/{file_id:str}/thumbnail",
    http_method=content.READING,
    operation_class=described(
        only_also=True,
        also={"image/jpeg": BINARY},
        statuses=(304, 415),
        parameters={"max_px": between(_MIN_THUMBNAIL_PX, _MAX_THUMBNAIL_PX, _THUMBNAIL_PX)},
    ),
    summary="A picture, small",
)
async def get_thumbnail(
    request: ApiRequest, file_id: FromPath[str], max_px: FromQuery[int] = _THUMBNAIL_PX
) -> Response[bytes]:
    """A picture as a small JPEG, upright."""
    api = api_of(request)
    in_range(max_px, _MIN_THUMBNAIL_PX, _MAX_THUMBNAIL_PX, "max_px")
    record = await find(api, file_id)
    if record.type != "image":
        raise _no_preview(record, file_id)

    def draw() -> bytes:
        with _readable(api, record) as path:
            return api.services.pool.thumbnail(path, max_px)

    return await _drawn(request, lambda: _etag(api, record, f"{max_px}"), draw, "image/jpeg")


@route(
    "/files/{file_id:str}/preview",
    http_method=content.READING,
    operation_class=described(
        only_also=True,
        also={"image/png": BINARY},
        statuses=(304, 409, 415),
        parameters={
            "page": {"type": "integer", "minimum": 1, "maximum": _MAX_PAGE},
            "dpi": between(_MIN_DPI, _MAX_DPI, _DPI),
        },
    ),
    summary="A page or picture as PNG, the cited place marked",
)
async def get_preview(
    request: ApiRequest,
    file_id: FromPath[str],
    page: FromQuery[int | None] = None,
    citation: FromQuery[str] = "",
    dpi: FromQuery[int] = _DPI,
) -> Response[bytes]:
    """A page of a PDF, or a picture; with ``citation``, that citation's place marked."""
    api = api_of(request)
    in_range(dpi, _MIN_DPI, _MAX_DPI, "dpi")
    record = await find(api, file_id)
    if record.media_type != "application/pdf" and record.type != "image":
        raise _no_preview(record, file_id)
    number = 1 if page is None else page
    boxes: tuple[Box, ...] = ()
    if citation:
        number, boxes = await _cited_place(api, record, citation, page)
    in_range(number, 1, _MAX_PAGE, "page")

    def draw() -> bytes:
        # The reader opens the path once more: what is put there in between is drawn instead.
        with _readable(api, record) as path:
            return api.services.pool.render(path, number, boxes, dpi)

    shown = f"{number}-{dpi}-{citation if boxes else ''}"

    def name() -> str:
        return _etag(api, record, shown, as_indexed=bool(boxes))

    return await _drawn(request, name, draw, "image/png")


def _etag(api: Api, record: FileRecord, shown: str, *, as_indexed: bool = False) -> str:
    """What names a picture of a file as it is now.

    Raises:
        RequestError: 404; the file is gone. 409; it is not what was indexed, and has to be.
    """
    opened = content.open_file(api.services.database, record)
    try:
        if as_indexed and not content.is_as_indexed(record, opened):
            raise _changed(record)
    finally:
        opened.close()
    return content.etag_of(opened, shown)


def _readable(api: Api, record: FileRecord) -> AbstractContextManager[Path]:
    return source_of(api.services.database, os.fsdecode(record.path_raw)).readable()


async def _drawn(
    request: ApiRequest, name: Callable[[], str], draw: Callable[[], bytes], media_type: str
) -> Response[bytes]:
    """A picture, which is drawn only for a client that does not hold it yet.

    No browser keeps it on a disk, as it keeps nothing else that is of the files.
    """
    offload = api_of(request).offload
    etag = await offload.file(name)
    if content.is_held(request.headers, etag):
        return content.not_modified(etag)
    # Its turn may come late: what it is called is asked once more.
    etag, image = await offload.render(lambda: (name(), draw()))
    return Response(image, media_type=media_type, headers={"etag": etag})


def _no_preview(record: FileRecord, file_id: str) -> RequestError:
    return RequestError(
        f"{Path(record.path).name}: only pages of PDFs and pictures have a preview;"
        f" GET /files/{file_id}/content gives the file",
        status=415,
        code="no_preview",
    )


async def _cited_place(
    api: Api, record: FileRecord, citation_id: str, page: int | None
) -> tuple[int, tuple[Box, ...]]:
    kept = await find_citation(api, citation_id)
    if kept.sha256 != record.sha256:
        raise _changed(record)
    place = kept.locator
    # A picture that is cited as such is shown as it is.
    marked = kept.end > kept.start
    if isinstance(place, PageLocator) and page in (None, place.page):
        return place.page, place.boxes if marked else ()
    if isinstance(place, ImageLocator):
        return 1, place.boxes if marked else ()
    return 1 if page is None else page, ()


def _changed(record: FileRecord) -> RequestError:
    return RequestError(
        f"{Path(record.path).name}: is not what was cited any more;"
        " leave out the citation to see it as it is now",
        status=409,
        code="file_changed",
    )


ROUTES: list[HTTPRouteHandler] = [get_thumbnail, get_preview]
