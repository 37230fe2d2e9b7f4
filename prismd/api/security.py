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
from prismd.api.pages import PAGE_CSP, sign_in_page
from prismd.api.services import ApiSettings

_OPEN_PATHS = frozenset({"/health", "/login"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008
_TOKEN_PROTOCOL = "prismd.token."  # noqa: S105 - what stands before it
_CORS_MAX_AGE_S = 600
_EXPOSED = "content-range, retry-after"

_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

Credential = Literal["none", "header", "cookie"]


class Guard:
    """Lets in whom it knows.

    In this order: the Host and the Origin must be right, then a token must be shown. ``/health``
    and ``/login`` need no token: the first says nothing, the second asks for a code of its own.

    Args:
        app: What is behind it.
        settings: Port, hosts, origins, and whether a token is needed.
        token: The token.

    Raises:
        ValueError: A token is needed, and it is empty.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings, token: str) -> None:
        if settings.auth and not token:
            raise ValueError("an empty token lets everybody in")
        self._app = app
        self._auth = settings.auth
        self._origins = Origins(settings.port, settings.allowed_hosts, settings.cors_origins)
        self._cookie_name = cookie_name(settings.port)
        self._token = _digest(token)
        self._cookie = _digest(cookie_value(token))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _Headers(scope)
        cors = self._cors_headers(headers)
        finish = _with_headers(_of_kind(scope, send), cors)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, headers, finish, refusal)
        elif cors and _is_preflight(scope, headers):
            await _answer(finish, 204, b"", [])
        else:
            await self._app(scope, receive, finish)

    def _refusal(self, scope: Scope, headers: _Headers) -> Refusal | None:
        method = str(scope.get("method", "GET"))
        refusal = self._origins.refusal(
            method,
            headers.all(b"host"),
            headers.all(b"origin"),
            headers.first(b"sec-fetch-site"),
            headers.first(b"sec-fetch-mode"),
        )
        if refusal is not None or not self._auth:
            return refusal
        if scope["type"] == "http" and (  # type: ignore[comparison-overlap]
            scope["path"] in _OPEN_PATHS or _is_preflight(scope, headers)
        ):
            return None
        return self._unknown(method, scope, headers)

    def _unknown(self, method: str, scope: Scope, headers: _Headers) -> Refusal | None:
        credential = self._credential(scope, headers)
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
            (b"access-control-allow-headers", b"authorization, content-type, x-api-key"),
            (b"access-control-expose-headers", _EXPOSED.encode()),
            (b"access-control-max-age", str(_CORS_MAX_AGE_S).encode()),
        ]


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
    reads_pages = "text/html" in headers.first(b"accept") and scope.get("method") == "GET"
    if refusal.status == 401 and reads_pages:
        more += [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", PAGE_CSP.encode()),
        ]
        await _answer(send, refusal.status, sign_in_page(refusal.message), more)
        return
    body = msgspec.json.encode(envelope(refusal.status, refusal.message, code=refusal.code))
    more.append((b"content-type", b"application/json"))
    await _answer(send, refusal.status, body, more)


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
