"""Conversations that outgrow the bare generator's context, cut at their beginning."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prismd.api.openai.wire import ChatMessage, ChatRequest
from prismd.models.base import Generator

_AROUND_TOKENS = 8
"""What a chat template puts around a message, at most."""
_STANDING = ("system", "developer")


def truncated(chat: ChatRequest, generator: Generator, max_tokens: int) -> ChatRequest:
    """A request without the oldest turns that its model has no room for. Blocks.

    Instructions stay, and so does the newest turn of the user with what follows it. What a
    function returned goes together with the call.

    Args:
        chat: The request.
        generator: Counts the tokens, and says how many there may be.
        max_tokens: Of the answer.
    """
    room = generator.context_tokens - max_tokens
    sizes = [_tokens(message, generator) for message in chat.messages]
    roles = [message.role for message in chat.messages]
    newest = max((at for at, role in enumerate(roles) if role == "user"), default=0)
    total, first = sum(sizes), 0
    while first < newest and (total > room or roles[first] == "tool"):
        if roles[first] not in _STANDING:
            total -= sizes[first]
        first += 1
    standing = [message for message in chat.messages[:first] if message.role in _STANDING]
    return msgspec.structs.replace(chat, messages=[*standing, *chat.messages[first:]])


def _tokens(message: ChatMessage, generator: Generator) -> int:
    content = message.content
    texts: Sequence[str | None]
    texts = [content] if content is None or isinstance(content, str) else [p.text for p in content]
    calls = msgspec.json.encode(message.tool_calls).decode() if message.tool_calls else ""
    return _AROUND_TOKENS + sum(generator.count_tokens(text) for text in (*texts, calls) if text)
