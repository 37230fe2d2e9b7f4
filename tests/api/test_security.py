"""The guard before every route, seen from the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from litestar.types import Message, Receive, Scope, Send

from prismd.api.login import cookie_name, cookie_value
from prismd.api.security import Guard
from prismd.api.services import ApiSettings
from tests.api.harness import TOKEN, Live, live_server

ROUTES = [
    ("GET", "/"),
    ("GET", "/status"),
    ("GET", "/files"),
    ("GET", "/files/file-1"),
    ("GET", "/files/file-1/content"),
    ("GET", "/files/file-1/preview"),
    ("GET", "/c/0123456789abcdef"),
    ("GET", "/errors"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("POST", "/upload"),
    ("DELETE", "/files/file-1"),
    ("GET", "/exclusions"),
    ("DELETE", "/exclusions/file-1"),
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
    ("GET", "/v1/files/file-1"),
    ("GET", "/v1/files/file-1/content"),
    ("DELETE", "/v1/files/file-1"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/prism"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/search"),
    ("GET", "/search/history"),
    ("DELETE", "/search/history"),
    ("POST", "/v1/rerank"),
    ("GET", "/v1/vector_stores"),
    ("GET", "/v1/vector_stores/vs_uploads"),
    ("POST", "/v1/vector_stores/vs_uploads/search"),
    ("GET", "/vector_stores/vs_uploads/files"),
    ("GET", "/v1/vector_stores/vs_uploads/files/file-1/content"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/rescan"),
    ("GET", "/roots"),
    ("GET", "/roots/suggestions"),
    ("POST", "/roots"),
    ("DELETE", "/roots?path=/tmp"),
    ("POST", "/retry"),
    ("POST", "/reindex"),
    ("POST", "/login-link"),
    ("GET", "/ws"),
    ("GET", "/no/such/path"),
    ("PUT", "/status"),
    ("OPTIONS", "/status"),
    ("GET", "/health/"),
    ("GET", "//health"),
    ("GET", "/health/../status"),
    ("GET", "/health%2f..%2fstatus"),
    ("GET", "/login/"),
]
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


def status_of(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def bare(live: Live, method: str, path: str, **headers: str) -> httpx.Response:
    """A request with nothing but these headers."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.request(method, live.url + path, headers=names)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_the_token(live: Live, method: str, path: str) -> None:
    host = f"127.0.0.1:{live.settings.port}"
    raw = live.raw(
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert status_of(raw) == 401
    assert b"invalid_api_key" in raw
    assert b"www-authenticate: Bearer" in raw


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/health"), ("GET", "/login")])
@pytest.mark.parametrize(
    "more",
    [
        "Host: evil.example",
        "Host: evil.example:{port}",
        "Host: localhost:1",
        "Host: localhost:{port}\r\nOrigin: http://evil.example",
        "Host: localhost:{port}\r\nOrigin: null",
        "Host: localhost:{port}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors",
    ],
)
def test_foreign_hosts_and_pages_are_refused_even_with_the_token(
    live: Live, method: str, path: str, more: str
) -> None:
    head = more.format(port=live.settings.port)
    raw = live.raw(
        f"{method} {path} HTTP/1.1\r\n{head}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    assert status_of(raw) == 403
    assert b"access-control-allow-origin" not in raw.lower()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "///",
        "/%2F",
        "/%2f%2F",
        "//c/",
        "/assets/index.html",
        "/status",
        "/no-such-thing",
    ],
)
def test_a_foreign_page_that_leads_to_the_web_page_is_asked_about(
    live: Live, path: str, site: str
) -> None:
    led = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    answer = bare(live, "GET", path, **led, **bearer)
    assert answer.status_code == 403
    assert '<a href="/">Open prismd</a>' in answer.text
    assert "script" not in answer.text
    for own in ("none", "same-origin"):
        answer = bare(live, "GET", "/", **{**led, **bearer, "Sec-Fetch-Site": own})
        assert answer.status_code == 200


def test_no_page_keeps_hold_of_a_window_that_it_opened(live: Live) -> None:
    for path in ("/", "/status", "/no-such-thing"):
        answer = live.client.get(path)
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_request_without_host_is_refused(live: Live) -> None:
    assert status_of(live.raw(b"GET /health HTTP/1.0\r\n\r\n")) == 403
    assert status_of(live.raw(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")) == 400


def test_health_is_open_and_says_nothing(live: Live) -> None:
    response = bare(live, "GET", "/health")
    assert response.status_code == 200
    assert response.json() == {"version": "0.0.1", "status": "ok"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"bearer   {TOKEN}"},
        {"x_api_key": TOKEN},
    ],
)
def test_the_token_may_come_in_two_headers(live: Live, headers: dict[str, str]) -> None:
    assert bare(live, "GET", "/status", **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer"},
        {"x_api_key": ""},
        {"Cookie": f"prismd_1={TOKEN}"},
        {"Cookie": "=;;=\x7f"},
    ],
)
def test_anything_else_is_no_token(live: Live, headers: dict[str, str]) -> None:
    response = bare(live, "GET", "/status", **headers)
    assert response.status_code == 401
    assert TOKEN not in response.text


def test_the_token_in_the_address_does_not_count(live: Live) -> None:
    assert bare(live, "GET", f"/status?token={TOKEN}&api_key={TOKEN}").status_code == 401


def cookie(live: Live) -> str:
    return f"{cookie_name(live.settings.port)}={cookie_value(TOKEN)}"


def test_the_cookie_lets_a_browser_read(live: Live) -> None:
    assert bare(live, "GET", "/status", Cookie=f"a=b; {cookie(live)}").status_code == 200


def test_with_the_cookie_only_own_pages_change_anything(live: Live) -> None:
    own = f"http://127.0.0.1:{live.settings.port}"
    assert bare(live, "POST", "/retry", Cookie=cookie(live)).status_code == 403
    assert bare(live, "POST", "/retry", Cookie=cookie(live), Origin=own).status_code == 200


def test_the_cookie_is_not_the_token(live: Live) -> None:
    assert TOKEN not in cookie_value(TOKEN)
    shown = bare(live, "GET", "/status", Authorization=f"Bearer {cookie_value(TOKEN)}")
    assert shown.status_code == 401


def test_a_browser_without_cookie_is_told_what_to_do(live: Live) -> None:
    response = bare(live, "GET", "/", Accept="text/html,application/xhtml+xml")
    assert response.status_code == 401
    assert response.headers["content-type"].startswith("text/html")
    assert "prismd token --open" in response.text


def test_every_response_carries_the_security_headers(live: Live) -> None:
    for path in ("/health", "/status", "/files/file-1", "/no/such/path"):
        headers = live.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("host", "more", "status"),
    [
        ("127.0.0.1:{port}", "", 401),
        ("127.0.0.1:{port}", "Origin: http://evil.example\r\n", 403),
        ("evil.example", f"Authorization: Bearer {TOKEN}\r\n", 403),
        ("127.0.0.1:{port}", f"Origin: null\r\nAuthorization: Bearer {TOKEN}\r\n", 403),
    ],
)
def test_a_handshake_is_refused_like_any_request(
    live: Live, host: str, more: str, status: int
) -> None:
    request = HANDSHAKE.format(host=host.format(port=live.settings.port), more=more)
    assert status_of(live.raw(request.encode())) == status


async def handshake(headers: list[tuple[bytes, bytes]], settings: ApiSettings) -> list[str]:
    """What a WebSocket's handshake comes to; ``reached`` when it is let through."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append("reached")

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        seen.append(message["type"])

    scope: Any = {"type": "websocket", "path": "/ws", "headers": headers, "query_string": b""}
    await Guard(app, settings, TOKEN)(scope, receive, send)
    return seen


@pytest.mark.parametrize(
    ("headers", "reached"),
    [
        ([(b"authorization", b"Bearer " + TOKEN.encode())], True),
        ([(b"x-api-key", TOKEN.encode())], True),
        ([(b"cookie", b"COOKIE"), (b"origin", b"http://127.0.0.1:7776")], True),
        ([(b"cookie", b"COOKIE"), (b"origin", b"http://localhost:3000")], False),
        ([(b"cookie", b"COOKIE")], False),
        ([(b"origin", b"http://127.0.0.1:7776")], False),
        ([(b"authorization", b"Bearer wrong")], False),
        (
            [(b"authorization", b"Bearer " + TOKEN.encode()), (b"origin", b"http://evil.example")],
            False,
        ),
        ([], False),
    ],
)
def test_a_websocket_is_closed_before_it_is_accepted(
    headers: list[tuple[bytes, bytes]], reached: bool
) -> None:
    shown = f"{cookie_name(7776)}={cookie_value(TOKEN)}".encode()
    headers = [(name, value.replace(b"COOKIE", shown)) for name, value in headers]
    settings = ApiSettings(port=7776, cors_origins=("http://localhost:3000",))
    seen = asyncio.run(handshake([(b"host", b"127.0.0.1:7776"), *headers], settings))
    assert seen == (["reached"] if reached else ["websocket.close"])


def test_without_auth_hosts_and_origins_are_still_checked(tmp_path: Any) -> None:
    with live_server(tmp_path, sample=False, auth=False) as live:
        assert bare(live, "GET", "/status").status_code == 200
        assert bare(live, "GET", "/status", Host="evil.example").status_code == 403
        assert bare(live, "GET", "/status", Origin="http://evil.example").status_code == 403


def test_an_empty_token_is_no_token() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Never called."""

    with pytest.raises(ValueError, match="empty token"):
        Guard(app, ApiSettings(), "")


def test_cors_answers_only_configured_origins(tmp_path: Any) -> None:
    page = "http://localhost:3000"
    with live_server(tmp_path, sample=False, cors_origins=(page,)) as live:
        asked = {"Access_Control_Request_Method": "POST", "Origin": page}
        preflight = bare(live, "OPTIONS", "/v1/chat/completions", **asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == page
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in preflight.headers
        shown = {"Authorization": f"Bearer {TOKEN}", "Origin": page}
        assert bare(live, "GET", "/status", **shown).headers["access-control-allow-origin"] == page
        assert bare(live, "GET", "/status", Origin=page).status_code == 401
        foreign = bare(
            live,
            "OPTIONS",
            "/status",
            Origin="http://evil.example",
            Access_Control_Request_Method="POST",
        )
        assert foreign.status_code == 403
        assert "access-control-allow-origin" not in foreign.headers
        assert "access-control-allow-origin" not in live.client.get("/status").headers
