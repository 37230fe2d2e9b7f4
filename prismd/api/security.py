"""What stands before every route, unknown ones and WebSocket handshakes included."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from prismd.api.errors import envelope
from prismd.api.login import cookie_name, cookie_value
from prismd.api.origins import Origins, Refusal
from prismd.api.pages import PAGE_CSP, error_page, led_here_page, sign_in_page, wants_page
from prismd.api.rates import Rates
from prismd.api.services import ApiSettings
from prismd.api.within import is_within

_HEALTH = "/health"
_OPEN_PATHS = frozenset({_HEALTH, "/login"})
_AGENT_CHARS = 200
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008
_LED_HERE = "led_by_foreign_page"
_CITATIONS = "/c/"
_TOKEN_PROTOCOL = "prismd.token."  # noqa: S105 - what stands before it
_CORS_MAX_AGE_S = 600
_ALLOWED = (
    "authorization, content-type, x-api-key, last-event-id, mcp-session-id, mcp-protocol-version,"
    " mcp-method, mcp-name"
)
_EXPOSED = (
    "content-range, mcp-session-id, retry-after, retry-after-ms, x-ratelimit-limit-requests,"
    " x-ratelimit-remaining-requests, x-ratelimit-reset-requests"
)

_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    # A page that opens one of ours has no hold of its window.
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

Credential = Literal["none", "header", "cookie"]


class Guard:
    """Lets in whom it knows.

    In this order: the Host and the Origin must be right, then a token must be shown, then the
    client must not have sent too much. ``/health`` and ``/login`` need no token: the first says
    nothing and is not counted, the second asks for a code of its own. What this process asks
    itself to answer a request is not counted either: that request was.

    Requests without the right token are counted apart, by address alone, and soon answered with
    429. That slows down whoever sends them and nobody else: the right token is let in at any rate.
    It could be held back from those who guess only together with everybody on this computer, and
    guessing 256 random bits is hopeless.

    Args:
        app: What is behind it.
        settings: Port, hosts, origins, limits, and whether a token is needed.
        token: The token.
        failures: Counts what failed to show it; None sets no limit.

    Raises:
        ValueError: A token is needed, and it is empty.
    """

    def __init__(
        self, app: ASGIApp, settings: ApiSettings, token: str, failures: Rates | None = None
    ) -> None:
        if settings.auth and not token:
            raise ValueError("an empty token lets everybody in")
        self._app = app
        self._auth = settings.auth
        self._origins = Origins(settings.port, settings.allowed_hosts, settings.cors_origins)
        self._cookie_name = cookie_name(settings.port)
        self._token = _digest(token)
        self._cookie = _digest(cookie_value(token))
        limit = settings.requests_per_minute
        self._rates = Rates(limit) if limit else None
        self._failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _Headers(scope)
        cors = self._cors_headers(headers)
        credential = self._credential(scope, headers) if self._auth else "none"
        refusal = self._refusal(scope, headers, credential)
        refusal, limits = self._limited(scope, headers, credential, refusal)
        finish = _with_headers(_of_kind(scope, send), [*cors, *limits])
        if refusal is not None:
            await _refuse(scope, headers, finish, refusal)
        elif cors and _is_preflight(scope, headers):
            await _answer(finish, 204, b"", [])
        else:
            await self._app(scope, receive, finish)

    def _limited(
        self, scope: Scope, headers: _Headers, credential: Credential, refusal: Refusal | None
    ) -> tuple[Refusal | None, list[tuple[bytes, bytes]]]:
        """Why a request is not let in, limits regarded, and the headers that tell of them."""
        address = address_of(scope)
        if refusal is not None:
            if refusal.status != 401 or self._failures is None:
                return refusal, []
            allowance = self._failures.take(address)
            if not allowance.wait_s:
                return refusal, []
            return too_many_failures(), allowance.headers
        uncounted = scope["path"] == _HEALTH or is_within(scope) or _is_preflight(scope, headers)
        if self._rates is None or uncounted:
            return None, []
        agent = headers.first(b"user-agent")[:_AGENT_CHARS]
        allowance = self._rates.take((address, credential, agent))
        if not allowance.wait_s:
            return None, allowance.headers
        return (
            Refusal(
                429,
                f"this client sent more than {allowance.limit} requests within a minute; wait a"
                " moment, or raise [server] requests_per_minute",
                "rate_limit_exceeded",
            ),
            allowance.headers,
        )

    def _refusal(self, scope: Scope, headers: _Headers, credential: Credential) -> Refusal | None:
        method = str(scope.get("method", "GET"))
        refusal = self._origins.refusal(
            method,
            headers.all(b"host"),
            headers.all(b"origin"),
            headers.first(b"sec-fetch-site"),
            headers.first(b"sec-fetch-mode"),
        )
        if refusal is None and _is_led_here(scope, headers):
            refusal = Refusal(
                403,
                "Sec-Fetch-Site: a page of another site led here; open prismd's page by its own"
                " address",
                _LED_HERE,
            )
        if refusal is not None or not self._auth:
            return refusal
        if scope["type"] == "http" and (  # type: ignore[comparison-overlap]
            scope["path"] in _OPEN_PATHS or _is_preflight(scope, headers)
        ):
            return None
        return self._unknown(method, scope, headers, credential)

    def _unknown(
        self, method: str, scope: Scope, headers: _Headers, credential: Credential
    ) -> Refusal | None:
        if credential == "none":
            return Refusal(
                401,
                "no valid token was shown; send it as 'Authorization: Bearer TOKEN'"
                " ('prismd token' shows it)",
                "invalid_api_key",
            )
        # A browser adds the cookie to whatever a page sends; only our own pages may change things.
        by_page = credential == "cookie" and (
            method not in _SAFE_METHODS or scope["type"] == "websocket"  # type: ignore[comparison-overlap]
        )
        origin, host = headers.first(b"origin"), headers.first(b"host")
        if by_page and not self._origins.is_own_origin(origin, host):
            return Refusal(
                403,
                "Origin: with a cookie, only prismd's own pages may do this; send the token",
                "origin_not_allowed",
            )
        return None

    def _credential(self, scope: Scope, headers: _Headers) -> Credential:
        shown_by = _tokens(headers)
        if scope["type"] == "websocket":  # type: ignore[comparison-overlap]
            shown_by += _protocol_tokens(headers)
        for shown in shown_by:
            if hmac.compare_digest(_digest(shown), self._token):
                return "header"
        cookie = _cookie(headers, self._cookie_name)
        if cookie and hmac.compare_digest(_digest(cookie), self._cookie):
            return "cookie"
        return "none"

    def _cors_headers(self, headers: _Headers) -> list[tuple[bytes, bytes]]:
        if not self._origins.cors_origins:
            return []
        vary = (b"vary", b"origin")
        origin = headers.first(b"origin")
        if origin not in self._origins.cors_origins:
            return [vary]
        return [
            vary,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"GET, POST, DELETE"),
            (b"access-control-allow-headers", _ALLOWED.encode()),
            (b"access-control-expose-headers", _EXPOSED.encode()),
            (b"access-control-max-age", str(_CORS_MAX_AGE_S).encode()),
        ]


def address_of(scope: Scope) -> str:
    """The address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def too_many_failures() -> Refusal:
    """What is said to whoever goes on without the right token."""
    return Refusal(
        429,
        "too many requests without a valid token; send it as 'Authorization: Bearer TOKEN'"
        " ('prismd token' shows it), or stop what sends a wrong one",
        "too_many_failed_logins",
    )


class _Headers:
    def __init__(self, scope: Scope) -> None:
        self._items = [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"]]

    def all(self, name: bytes) -> list[str]:
        return [value.decode("latin-1").strip() for known, value in self._items if known == name]

    def first(self, name: bytes) -> str:
        return next(iter(self.all(name)), "")


def _tokens(headers: _Headers) -> list[str]:
    shown = headers.all(b"x-api-key")
    for value in headers.all(b"authorization"):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            shown.append(token.strip())
    return shown


def _protocol_tokens(headers: _Headers) -> list[str]:
    """Tokens in the place that a browser's WebSocket has for anything of its own."""
    offered = [
        protocol.strip()
        for value in headers.all(b"sec-websocket-protocol")
        for protocol in value.split(",")
    ]
    return [
        protocol.removeprefix(_TOKEN_PROTOCOL)
        for protocol in offered
        if protocol.startswith(_TOKEN_PROTOCOL)
    ]


def _cookie(headers: _Headers, name: str) -> str:
    for line in headers.all(b"cookie"):
        try:
            found = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return ""


def _digest(secret: str) -> bytes:
    """Equal lengths, so that a comparison does not tell the secret's."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _is_preflight(scope: Scope, headers: _Headers) -> bool:
    return (
        scope.get("method") == "OPTIONS"
        and bool(headers.first(b"origin"))
        and bool(headers.first(b"access-control-request-method"))
    )


def _is_led_here(scope: Scope, headers: _Headers) -> bool:
    """Whether a page of another site leads the browser here, but to a citation.

    The web page's address says what it shows, so that a link could ask in the user's name. There
    are many ways to write that address, so what may be led to is listed, not what may not.
    """
    path = str(scope["path"])
    leads = headers.first(b"sec-fetch-mode").lower() in ("navigate", "")
    if not leads and not path.startswith("/assets/"):
        return False
    is_foreign = headers.first(b"sec-fetch-site").lower() in ("cross-site", "same-site")
    return is_foreign and path not in _OPEN_PATHS and not path.startswith(_CITATIONS)


def _with_headers(send: Send, more: list[tuple[bytes, bytes]]) -> Send:
    async def finish(message: Message) -> None:
        if message["type"] == "http.response.start":
            sent = list(message["headers"])
            known = {bytes(name).lower() for name, _ in sent}
            own = [item for item in _HEADERS if item[0] not in known]
            message["headers"] = [*sent, *own, *more]
        await send(message)

    return finish


def _of_kind(scope: Scope, send: Send) -> Send:
    """Sends what is answered instead of a handshake as the server wants to have that."""
    if scope["type"] != "websocket":  # type: ignore[comparison-overlap]
        return send

    async def renamed(message: Any) -> None:
        if message["type"].startswith("http."):
            message = {**message, "type": f"websocket.{message['type']}"}
        await send(message)

    return renamed


async def _refuse(scope: Scope, headers: _Headers, send: Send, refusal: Refusal) -> None:
    websocket = scope["type"] == "websocket"  # type: ignore[comparison-overlap]
    if websocket and "websocket.http.response" not in (scope.get("extensions") or {}):
        # Closing before accepting makes the server answer the handshake with 403.
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
        return
    more = [(b"www-authenticate", b"Bearer")] if refusal.status == 401 else []
    if wants_page(
        str(scope.get("method")),
        headers.first(b"accept"),
        headers.first(b"sec-fetch-mode"),
        bears_token=bool(_tokens(headers)),
    ):
        more += [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", PAGE_CSP.encode()),
        ]
        await _answer(send, refusal.status, _page_of(refusal), more)
        return
    body = msgspec.json.encode(envelope(refusal.status, refusal.message, code=refusal.code))
    more.append((b"content-type", b"application/json"))
    await _answer(send, refusal.status, body, more)


def _page_of(refusal: Refusal) -> bytes:
    if refusal.status == 401:
        return sign_in_page()
    return led_here_page() if refusal.code == _LED_HERE else error_page(None, refusal.message)


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
