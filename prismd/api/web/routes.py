"""``GET /`` and ``GET /assets/…``: the page itself. What it shows it asks of the API."""

from __future__ import annotations

from pathlib import PurePosixPath

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from prismd.api import content
from prismd.api.services import ApiRequest
from prismd.api.web.assets import INDEX, Asset
from prismd.errors import RequestError

WEB_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Scripts and styles of the package alone; no text can become markup or script in the page."""
_CACHE = "private, no-cache"
"""A browser keeps it for itself, and asks each time whether it still holds."""


@get("/", sync_to_thread=False, include_in_schema=False)
def front_page(request: ApiRequest) -> Response[bytes]:
    """The page, for a browser that has signed in."""
    return _served(request, INDEX)


@get("/assets/{name:path}", sync_to_thread=False, include_in_schema=False)
def get_asset(request: ApiRequest, name: FromPath[PurePosixPath]) -> Response[bytes]:
    """A script, style sheet or picture of the page; only names of the package's table exist."""
    return _served(request, str(name).removeprefix("/"))


def _served(request: ApiRequest, name: str) -> Response[bytes]:
    table: dict[str, Asset] = request.app.state.page
    asset = table.get(name)
    if asset is None:
        raise RequestError("the page has no such part", status=404, code="not_found")
    headers = {"cache-control": _CACHE, "content-security-policy": WEB_CSP}
    if content.is_held(request.headers, asset.etag):
        return content.not_modified(asset.etag, headers)
    return Response(
        asset.body, media_type=asset.media_type, headers={"etag": asset.etag, **headers}
    )


ROUTES: list[HTTPRouteHandler] = [front_page, get_asset]
