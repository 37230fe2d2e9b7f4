"""``/mcp`` as HTTP: who is let in, what is refused, when sessions end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from prismd.api.app import create_app
from prismd.api.body import CHAT_BODY_BYTES
from prismd.api.mcp import endpoint
from prismd.api.mcp.inward import InwardTransport
from tests.api.harness import TOKEN, Live, live_server, wait_until
from tests.test_imports import loaded_by

BOTH = "application/json, text/event-stream"
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


def message(method: str, id_: int | None = 1, **params: Any) -> dict[str, Any]:
    numbered = {} if id_ is None else {"id": id_}
    return {"jsonrpc": "2.0", "method": method, "params": params, **numbered}


def hello(version: str = "2025-11-25") -> dict[str, Any]:
    about = {"name": "test", "version": "1"}
    return message("initialize", protocolVersion=version, capabilities={}, clientInfo=about)


@pytest.fixture
def http(live: Live) -> Iterator[httpx.Client]:
    """A client with the token, which takes what the protocol answers with."""
    with httpx.Client(
        base_url=live.url,
        headers={"Authorization": f"Bearer {TOKEN}", "Accept": BOTH},
        trust_env=False,
        timeout=30,
    ) as client:
        yield client


def session_of(http: httpx.Client, version: str = "2025-11-25") -> dict[str, str]:
    """The headers of a new session."""
    answer = http.post("/mcp", json=hello(version))
    assert answer.is_success, answer.text
    headers = {
        "mcp-session-id": answer.headers["mcp-session-id"],
        "mcp-protocol-version": version,
    }
    told = http.post("/mcp", json=message("notifications/initialized", None), headers=headers)
    assert told.status_code == 202
    return headers


def tools_of(http: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    return http.post("/mcp", json=message("tools/list", 2), headers=headers)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer prism-guessed"}, 401),
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "rebound.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_strangers_and_pages_are_refused(
    http: httpx.Client, method: str, headers: dict[str, str], status: int
) -> None:
    answer = http.request(method, "/mcp", headers=headers, json=hello())
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_with_a_handshake_is_spoken(http: httpx.Client, version: str) -> None:
    answer = http.post("/mcp", json=hello(version))
    assert f'"protocolVersion":"{version}"' in answer.text
    assert tools_of(http, session_of(http, version)).text.count('"inputSchema"') == 5


def test_a_version_of_the_future_is_answered_with_one_that_is_known(http: httpx.Client) -> None:
    answer = http.post("/mcp", json=hello("2199-01-01"))
    assert any(f'"protocolVersion":"{version}"' in answer.text for version in VERSIONS)


def test_a_version_that_nobody_speaks_is_refused_in_a_header(http: httpx.Client) -> None:
    headers = session_of(http) | {"mcp-protocol-version": "1999-01-01"}
    assert tools_of(http, headers).status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 400),
        (b"[" * 20_000, 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_message_is_refused(http: httpx.Client, body: bytes, status: int) -> None:
    headers = session_of(http) | {"content-type": "application/json"}
    answer = http.post("/mcp", content=body, headers=headers)
    assert answer.status_code == status
    assert "error" in answer.json()
    assert "Traceback" not in answer.text
    assert tools_of(http, headers).is_success


@pytest.mark.parametrize("declared", [True, False])
def test_a_message_that_is_too_large_is_refused(http: httpx.Client, declared: bool) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(CHAT_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    content = b" " * (CHAT_BODY_BYTES + 1) if declared else pieces()
    answer = http.post("/mcp", content=content, headers=headers)
    assert answer.status_code == 413
    assert session_of(http)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"accept": "text/html"}, 406), ({"content-type": "text/plain"}, 400)],
    ids=str,
)
def test_other_kinds_of_content_are_refused(
    http: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert http.post("/mcp", json=hello(), headers=headers).status_code == status


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_methods_are_not_allowed(http: httpx.Client, method: str) -> None:
    answer = http.request(method, "/mcp", headers=session_of(http))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("in_session", [True, False])
def test_who_only_looks_is_told_what_there_is(http: httpx.Client, in_session: bool) -> None:
    headers = session_of(http) if in_session else {}
    head, options = http.head("/mcp", headers=headers), http.options("/mcp", headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "text/event-stream"
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == head.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


def test_a_session_ends_when_the_agent_says_so(http: httpx.Client) -> None:
    headers = session_of(http)
    assert tools_of(http, headers).is_success
    assert http.delete("/mcp", headers=headers).is_success
    assert tools_of(http, headers).status_code == 404


def test_a_session_that_was_never_begun_is_not_known(http: httpx.Client) -> None:
    assert tools_of(http, {"mcp-session-id": "0" * 32}).status_code == 404


def test_a_new_session_takes_the_place_of_the_one_that_was_idle_longest(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, mcp_sessions=3) as live:
        live.client.headers["Accept"] = BOTH
        first, second, third = (session_of(live.client) for _ in range(3))
        assert tools_of(live.client, first).is_success
        fourth = session_of(live.client)
        assert tools_of(live.client, second).status_code == 404
        assert all(tools_of(live.client, each).is_success for each in (first, third, fourth))
        live.client.delete("/mcp", headers=third)
        session_of(live.client)
        assert all(tools_of(live.client, each).is_success for each in (first, fourth))


def test_a_session_whose_stream_is_open_gives_its_place_to_nobody(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, mcp_sessions=1) as live:
        live.client.headers["Accept"] = BOTH
        headers = session_of(live.client)
        with live.client.stream("GET", "/mcp", headers=headers) as stream:
            assert stream.is_success
            assert live.client.post("/mcp", json=hello()).status_code == 503
            assert tools_of(live.client, headers).is_success
        wait_until(lambda: live.client.post("/mcp", json=hello()).is_success)
        assert tools_of(live.client, headers).status_code == 404


def test_what_begins_no_session_ends_none(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, mcp_sessions=1) as live:
        live.client.headers["Accept"] = BOTH
        headers = session_of(live.client)
        newer = {"mcp-protocol-version": "2026-07-28"}
        live.client.post("/mcp", json=message("tools/list"), headers=newer)
        live.client.get("/mcp")
        live.client.head("/mcp")
        assert tools_of(live.client, headers).is_success


class Broken:
    """Sessions that end before they are ready."""

    def __init__(self, *_: object) -> None:
        pass

    async def run(self, *_: object) -> None:
        raise OSError("no more memory")


def broken_import() -> Any:
    raise ImportError("a file of the SDK cannot be read")


@pytest.mark.parametrize("loaded", [lambda: Broken, broken_import], ids=["run", "import"])
def test_sessions_that_could_not_begin_are_begun_with_the_next_request(
    live: Live, loaded: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> None:
        app = create_app(live.stack.services, live.settings)
        async with httpx.AsyncClient(
            transport=InwardTransport(app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {TOKEN}", "Accept": BOTH},
        ) as client:
            with monkeypatch.context() as patch:
                patch.setattr(endpoint, "_load", loaded)
                async with asyncio.timeout(120):
                    failed = await client.post("/mcp", json=hello())
            assert failed.status_code == 500
            assert failed.json()["error"]["code"] == "internal_error"
            assert (await client.post("/mcp", json=hello())).is_success
            await app.state.end()

    asyncio.run(ask())


def test_an_idle_session_ends_and_makes_room(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, mcp_sessions=1, mcp_idle_s=0.5) as live:
        live.client.headers["Accept"] = BOTH
        headers = session_of(live.client)
        wait_until(lambda: live.client.post("/mcp", json=hello()).is_success)
        assert tools_of(live.client, headers).status_code == 404


def test_open_streams_end_with_the_app(live: Live) -> None:
    async def listen() -> None:
        app = create_app(live.stack.services, live.settings)
        async with httpx.AsyncClient(
            transport=InwardTransport(app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {TOKEN}", "Accept": BOTH},
        ) as client:
            begun = await client.post("/mcp", json=hello())
            headers = {"mcp-session-id": begun.headers["mcp-session-id"]}
            async with client.stream("GET", "/mcp", headers=headers) as stream:
                assert stream.is_success
                await app.state.mcp.end()
                async with asyncio.timeout(120):
                    await stream.aread()
            refused = await client.post("/mcp", json=hello())
            assert refused.status_code == 503
            assert "ending" in refused.json()["error"]["message"]
            assert (await client.get("/health")).is_success

    asyncio.run(listen())


def test_first_requests_at_once_begin_one_server(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:

        async def begin() -> list[int]:
            async with httpx.AsyncClient(
                headers={**live.client.headers, "Accept": BOTH}, trust_env=False, timeout=60
            ) as client:
                asked = (client.post(f"{live.url}/mcp", json=hello()) for _ in range(8))
                return [answer.status_code for answer in await asyncio.gather(*asked)]

        assert asyncio.run(begin()) == [200] * 8


def test_pages_of_named_origins_may_begin_sessions(tmp_path: Path) -> None:
    origin = "https://agent.example"
    with live_server(tmp_path, sample=False, cors_origins=(origin,)) as live:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "mcp-session-id",
        }
        allowed = live.client.options("/mcp", headers=asked).headers
        assert "mcp-session-id" in allowed["access-control-allow-headers"]
        begun = live.client.post("/mcp", json=hello(), headers={"Origin": origin, "Accept": BOTH})
        assert begun.headers["access-control-allow-origin"] == origin
        assert "mcp-session-id" in begun.headers["access-control-expose-headers"]


def test_nothing_of_the_sdk_is_loaded_before_an_agent_comes() -> None:
    loaded = loaded_by("import prismd.daemon.lifetime, prismd.daemon.serving, prismd.cli.main")
    assert not loaded & {"mcp", "mcp_types", "pydantic", "starlette", "sse_starlette"}


def test_a_stdio_server_loads_nothing_of_the_daemon() -> None:
    statement = "import prismd.api.mcp.stdio, prismd.cli.mcp, prismd.cli.mcp_reach"
    code = f"{statement}; import sys; print('prismd.daemon.assembly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert not loaded_by(statement) & {"litestar", "numpy", "apsw", "onnxruntime"}
