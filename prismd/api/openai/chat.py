"""``POST /v1/chat/completions``."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from prismd.api.body import decode_body
from prismd.api.description import EVENT, EVENTS, described
from prismd.api.errors import describe
from prismd.api.examples import BODY_BYTES
from prismd.api.openai import wire
from prismd.api.openai.asking import plan
from prismd.api.openai.completion import (
    ChatCompletion,
    Head,
    Item,
    Reply,
    call_chunk,
    completion,
    first_chunk,
    last_chunks,
    text_chunk,
)
from prismd.api.openai.generating import respond
from prismd.api.openai.parts import check_size, pictures_of
from prismd.api.services import ApiRequest, api_of


@post(
    ["/v1/chat/completions", "/chat/completions"],
    status_code=200,
    request_max_body_size=BODY_BYTES,
    operation_class=described(
        wire.ChatRequest,
        answer=ChatCompletion,
        also={EVENTS: EVENT},
        statuses=(404, 504),
        rules={"properties": {"messages": {"minItems": 1}}},
        example={
            "model": "prism",
            "messages": [{"role": "user", "content": "When does the train to Lisbon leave?"}],
        },
    ),
    summary="Ask your files, or the bare generator",
)
async def chat_completions(request: ApiRequest) -> Response[Any]:
    """Answer a chat request, whole or as server-sent events.

    Pictures come as data URLs in messages of the user; nothing is fetched from anywhere.
    """
    api = api_of(request)
    asked = await decode_body(request, wire.ChatRequest)
    check_size(len(await request.body()), pictures_of(asked.messages))
    work = plan(asked, api.services, api.settings)
    options = asked.stream_options or wire.StreamOptions()
    head = Head(
        f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), asked.model, bool(options.include_usage)
    )
    return await respond(request, api, work, ChatTelling(head), stream=bool(asked.stream))


class ChatTelling:
    """Tells one completion.

    Args:
        head: What all of its chunks have alike.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._calls = 0

    def whole(self, reply: Reply) -> ChatCompletion:
        """The completion at once."""
        return completion(self._head, reply)

    def begin(self) -> Iterator[bytes]:
        """Role and no text yet."""
        yield _event(first_chunk(self._head))

    def item(self, item: Item) -> Iterator[bytes]:
        """The chunk of a piece of text or of a call; of the reply, the chunks that end it."""
        if isinstance(item, str):
            yield _event(text_chunk(self._head, item))
        elif isinstance(item, Reply):
            for chunk in last_chunks(self._head, item):
                yield _event(chunk)
            yield b"data: [DONE]\n\n"
        else:
            yield _event(call_chunk(self._head, self._calls, item))
            self._calls += 1

    def failure(self, error: Exception) -> Iterator[bytes]:
        """The error's envelope."""
        yield _event(describe(error)[1])


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


ROUTES: list[HTTPRouteHandler] = [chat_completions]
