"""``POST /v1/chat/completions``."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from litestar import Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import EVENTS, TEXT, described
from prismd.api.errors import ClientGone, describe
from prismd.api.generating import begin, collect
from prismd.api.openai import wire
from prismd.api.openai.asking import plan
from prismd.api.openai.completion import (
    ChatCompletion,
    Head,
    Item,
    Reply,
    completion,
    first_chunk,
    last_chunks,
    text_chunk,
)
from prismd.api.services import ApiRequest, api_of
from prismd.api.streaming import Pump, StreamedResponse, watching_client

_EARLY_S = 2.0
"""How long a stream waits for its first word, so that an early failure gets its own status."""

_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@post(
    ["/v1/chat/completions", "/chat/completions"],
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(
        wire.ChatRequest, answer=ChatCompletion, also={EVENTS: TEXT}, statuses=(404, 504)
    ),
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


async def _events(pump: Pump[Item], head: Head, heartbeat_s: float) -> AsyncGenerator[bytes, None]:
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
            if isinstance(item, str):
                yield _event(text_chunk(head, item))
    except ClientGone:  # between the first look and the first event
        return
    except Exception as error:  # the status is sent: only the stream can tell
        yield _event(describe(error)[1])
    finally:
        pump.stop()


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


ROUTES: list[HTTPRouteHandler] = [chat_completions]
