"""Messages to turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from prismd.api.openai import wire
from prismd.api.openai.model_names import refused
from prismd.api.openai.parts import text_of
from prismd.models.base import Message

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


def turn_of(
    number: int, message: wire.ChatMessage, shown: Mapping[str, str] | None = None
) -> Message:
    """The turn that a message stands for.

    Args:
        number: Of the message, from 0.
        message: As it was sent.
        shown: What stands for each of its pictures; see ``parts.text_of``.

    Raises:
        RequestError: It holds what is not understood.
    """
    param = f"messages[{number}]"
    role = _ROLES.get(message.role)
    if role is None or message.tool_calls:
        raise refused(
            f"{param}.role" if role is None else f"{param}.tool_calls",
            f"{message.role[:40]!r} with tools belongs to a later version;"
            f" allowed are {', '.join(_ROLES)} with text",
        )
    content = message.content
    if content is None or isinstance(content, str):
        return Message(role, content or "")
    return Message(role, text_of(param, role, content, shown))
