"""HEAD and OPTIONS, on every route that there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from prismd.api.methods import EveryMethod
from tests.api.harness import Live


def plain_routes(live: Live) -> Iterator[HTTPRoute]:
    """The routes whose address has no part to fill in."""
    for route in live.app.routes:
        if isinstance(route, HTTPRoute) and "{" not in route.path:
            yield route


def allowed(header: str) -> set[str]:
    return {method.strip() for method in header.split(",")}


def test_head_answers_like_get_and_sends_no_body(live: Live) -> None:
    gets = [route.path for route in plain_routes(live) if "GET" in route.methods]
    assert len(gets) > 10
    for path in gets:
        got, head = live.client.get(path), live.client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"], path
        assert int(head.headers["content-length"]) > 0, path


def test_head_of_what_has_no_get_says_what_there_is(live: Live) -> None:
    head = live.client.head("/v1/chat/completions")
    assert head.status_code == 405
    assert allowed(head.headers["allow"]) == {"POST", "OPTIONS"}
    assert live.client.head("/v1/nothing").status_code == 404


def test_head_needs_the_token_as_get_does(live: Live) -> None:
    refused = live.client.head("/status", headers={"authorization": "Bearer wrong"})
    assert refused.status_code == 401


def test_head_of_a_file_says_its_length(live: Live) -> None:
    path = f"/files/{live.id_of('Lease.pdf')}/content"
    got, head = live.client.get(path), live.client.head(path)
    assert head.headers["content-length"] == str(len(got.content))
    assert head.content == b""


def test_options_says_which_methods_there_are(live: Live) -> None:
    routes = list(plain_routes(live))
    assert routes
    for route in routes:
        answer = live.client.options(route.path)
        assert answer.status_code == 204, route.path
        methods = allowed(answer.headers["allow"])
        assert methods >= set(route.methods), route.path
        assert ("HEAD" in methods) == ("GET" in methods), route.path


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_method_that_is_not_there_is_told_those_that_are(live: Live, method: str) -> None:
    answer = live.client.request(method, "/v1/models")
    assert answer.status_code == 405
    assert allowed(answer.headers["allow"]) == {"GET", "HEAD", "OPTIONS"}


def test_a_connection_is_fit_for_more_after_head(live: Live) -> None:
    request = f"HEAD /status HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\n"
    token = live.client.headers["authorization"]
    # A body behind the headers would be read as the answer to the request that follows.
    both = f"{request}Authorization: {token}\r\n\r\n" + (
        f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{live.settings.port}\r\nConnection: close\r\n\r\n"
    )
    received = read_to_end(live, both.encode())
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200")
    assert rest.startswith(b"HTTP/1.1 200")


def read_to_end(live: Live, request: bytes) -> bytes:
    import socket

    with socket.create_connection(("127.0.0.1", live.settings.port), timeout=30) as wire:
        wire.sendall(request)
        received = b""
        while piece := wire.recv(65536):
            received += piece
    return received


def test_a_route_ends_in_order_before_it_is_asked_once_more() -> None:
    ended, sent = [], []

    async def app(scope: Any, _: Any, send: Any) -> None:
        status = 405 if scope["method"] == "HEAD" else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"said", "more_body": False})
        ended.append(scope["method"])

    async def send(message: Any) -> None:
        sent.append(message)

    every: Any = EveryMethod(app)
    asyncio.run(every({"type": "http", "method": "HEAD"}, None, send))
    assert ended == ["HEAD", "GET"]
    assert [message.get("status", message.get("body")) for message in sent] == [200, b""]
