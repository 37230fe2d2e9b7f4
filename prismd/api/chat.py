"""``POST /v1/chat/completions``."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from litestar import Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from prismd.api import wire
from prismd.api.asking import Work, plan
from prismd.api.body import CHAT_BODY_BYTES, decode_body, described
from prismd.api.completion import Head, Reply, completion, first_chunk, last_chunks, text_chunk
from prismd.api.errors import describe
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.streaming import Pump, StreamedResponse, raise_when_gone, watching_client
from prismd.errors import RequestError

_EARLY_S = 2.0
"""How long a stream waits for its first word, so that an early failure gets its own status."""

_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@post(
    ["/v1/chat/completions", "/chat/completions"],
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.ChatRequest),
    summary="Ask your files, or the bare generator",
)
async def chat_completions(request: ApiRequest) -> Response[Any]:
    """Answer a chat request, whole or as server-sent events."""
    api = api_of(request)
    asked = await decode_body(request, wire.ChatRequest)
    work = plan(asked, api.services, api.settings)
    options = asked.stream_options or wire.StreamOptions()
    head = Head(
        f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), asked.model, bool(options.include_usage)
    )
    with watching_client(request) as gone:
        pump = await begin(api, work, gone)
        if not asked.stream:
            reply = await collect(pump)
            return Response(msgspec.json.encode(completion(head, reply)), media_type=MediaType.JSON)
        try:
            await pump.peek(_EARLY_S)
        except BaseException:
            pump.stop()
            raise
    return StreamedResponse(
        _events(pump, head, api.settings.heartbeat_s),
        media_type="text/event-stream; charset=utf-8",
        headers=_STREAM_HEADERS,
    )


async def begin(api: Api, work: Work, gone: asyncio.Future[None]) -> Pump[str | Reply]:
    """Wait for a turn and begin to answer.

    The turn is given back when the work has ended, not when the client has gone: what is still
    in work still takes its place.

    Raises:
        BusyError: Too many are waiting.
        ClientGone: The client did not wait.
    """
    await api.gate.enter(gone)
    timer: asyncio.TimerHandle | None = None

    def end() -> None:
        if timer is not None:
            timer.cancel()
        api.gate.leave()

    try:
        pump: Pump[str | Reply] = Pump(work, end)
    except BaseException:
        api.gate.leave()
        raise
    timeout_s = api.settings.request_timeout_s
    timer = asyncio.get_running_loop().call_later(timeout_s, _give_up, pump, timeout_s)
    raise_when_gone(pump, gone)
    return pump


async def collect(pump: Pump[str | Reply]) -> Reply:
    """The whole reply."""
    try:
        while True:
            item = await pump.next()
            if isinstance(item, Reply):
                return item
            if item is None:
                raise RequestError("the answer was called off", status=503, code="called_off")
    finally:
        pump.stop()


def _give_up(pump: Pump[Any], timeout_s: float) -> None:
    pump.fail(
        RequestError(
            f"the answer was not complete within {timeout_s:g} s and was given up; ask for less,"
            " or raise [server] request_timeout_s",
            status=504,
            code="timeout",
        )
    )


async def _events(
    pump: Pump[str | Reply], head: Head, heartbeat_s: float
) -> AsyncGenerator[bytes, None]:
    try:
        yield _event(first_chunk(head))
        while True:
            try:
                item = await pump.next(heartbeat_s)
            except TimeoutError:
                yield b": still at work\n\n"
                continue
            if item is None:
                break
            if isinstance(item, Reply):
                for chunk in last_chunks(head, item):
                    yield _event(chunk)
                yield b"data: [DONE]\n\n"
                break
            yield _event(text_chunk(head, item))
    except Exception as error:  # the status is sent: only the stream can tell
        yield _event(describe(error)[1])
    finally:
        pump.stop()


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


ROUTES: list[HTTPRouteHandler] = [chat_completions]
