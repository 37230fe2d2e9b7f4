"""Requests to an app of the same process."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from prismd.api.mcp.inward import InwardTransport


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=InwardTransport(cast(Litestar, app)), base_url="http://127.0.0.1"
    )


async def begin(send: Any, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})


def test_the_app_is_given_the_request_as_it_is() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        request = await receive()
        said = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "body": request["body"].decode(),
            "token": dict(scope["headers"])[b"authorization"].decode(),
        }
        await begin(send, 201)
        body = json.dumps(said).encode()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def ask() -> httpx.Response:
        async with client_of(echo) as client:
            headers = {"Authorization": "Bearer x"}
            return await client.post("/a b?c=d", content="e", headers=headers)

    answer = asyncio.run(ask())
    assert answer.status_code == 201
    assert answer.json() == {
        "method": "POST",
        "path": "/a b",
        "query": "c=d",
        "body": "e",
        "token": "Bearer x",
    }


def test_pieces_come_before_the_answer_is_whole() -> None:
    go_on = asyncio.Event()

    async def slow(_: Any, __: Any, send: Any) -> None:
        await begin(send)
        await send({"type": "http.response.body", "body": b"first\n", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"last\n", "more_body": False})

    async def read() -> list[str]:
        found = []
        async with client_of(slow) as client, client.stream("GET", "/") as answer:
            async for line in answer.aiter_lines():
                found.append(line)
                go_on.set()
        return found

    assert asyncio.run(read()) == ["first", "last"]


@pytest.mark.parametrize("answered", [True, False])
def test_who_does_not_wait_is_to_the_app_a_client_that_has_gone(answered: bool) -> None:
    async def call_off() -> None:
        gone, asked = asyncio.Event(), asyncio.Event()

        async def endless(_: Any, receive: Any, send: Any) -> None:
            await receive()
            if answered:
                await begin(send)
            asked.set()
            assert (await receive())["type"] == "http.disconnect"
            gone.set()

        async def read() -> None:
            async with client.stream("GET", "/") as answer:
                await answer.aread()

        async with client_of(endless) as client:
            reading = asyncio.ensure_future(read())
            await asked.wait()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.wait_for(gone.wait(), 30)

    asyncio.run(call_off())


def test_an_app_that_fails_without_an_answer_is_an_error() -> None:
    async def broken(_: Any, __: Any, ___: Any) -> None:
        return

    async def ask() -> None:
        async with client_of(broken) as client:
            with pytest.raises(httpx.ReadError):
                await client.get("/")

    asyncio.run(ask())
