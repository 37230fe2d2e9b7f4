"""Messages to turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from prismd.api.openai import wire
from prismd.api.openai.model_names import refused
from prismd.api.openai.parts import text_of
from prismd.api.openai.tools import calls_of
from prismd.models.base import Message

_ROLES: dict[str, Literal["system", "user", "assistant", "tool"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
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
    if role is None:
        raise refused(
            f"{param}.role",
            f"{message.role[:40]!r} is not understood; allowed are {', '.join(_ROLES)}",
        )
    turn = Message(
        role,
        "",
        calls_of(f"{param}.tool_calls", message.tool_calls or ()),
        message.tool_call_id or "",
    )
    content = message.content
    if content is None or isinstance(content, str):
        return replace(turn, content=content or "")
    return replace(turn, content=text_of(param, role, content, shown))
