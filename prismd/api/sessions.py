"""How a browser gets its cookie."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from msgspec import Struct

from prismd.api.errors import BusyError
from prismd.api.login import CODE_TTL_S, local_path, set_cookie
from prismd.api.pages import PAGE_CSP, sign_in_page
from prismd.api.security import address_of, too_many_failures
from prismd.api.services import Api, ApiRequest, api_of


class LoginLink(Struct, frozen=True):
    """A link that works once."""

    url: str
    expires_in_s: float = CODE_TTL_S


@post("/login-link", status_code=200, sync_to_thread=False, summary="A link that signs in once")
def login_link(request: ApiRequest, next: FromQuery[str] = "/") -> LoginLink:
    """Make a link that signs the browser in that opens it within a minute."""
    api = api_of(request)
    asked = {"code": api.logins.issue()}
    if local_path(next) != "/":
        asked["next"] = local_path(next)
    return LoginLink(f"{api.settings.base_url}/login?{urlencode(asked)}")


@get("/login", sync_to_thread=False, include_in_schema=False)
def login(
    request: ApiRequest, code: FromQuery[str] = "", next: FromQuery[str] = "/"
) -> Response[Any]:
    """Sign the browser in, and go on to a page of this server."""
    api = api_of(request)
    if not api.logins.redeem(code):
        _count_failure(api, request)
        return Response(
            sign_in_page("This link was used already, or is older than a minute."),
            status_code=401,
            media_type=MediaType.HTML,
            headers={"content-security-policy": PAGE_CSP, "www-authenticate": "Bearer"},
        )
    return Response(
        b"",
        status_code=303,
        media_type="text/plain",
        headers={
            "location": local_path(next),
            "set-cookie": set_cookie(api.settings.port, api.services.token),
        },
    )


def _count_failure(api: Api, request: ApiRequest) -> None:
    """Count a code that is not good among the failed logins of whoever sends it.

    Raises:
        BusyError: There were too many; a good code is taken all the same.
    """
    if api.failures is None:
        return
    allowance = api.failures.take(address_of(request.scope))
    if allowance.wait_s:
        raise BusyError(too_many_failures().message, retry_after_s=math.ceil(allowance.wait_s))


ROUTES: list[HTTPRouteHandler] = [login_link, login]
