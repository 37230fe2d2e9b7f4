"""Messages to turns of a conversation."""

from __future__ import annotations

from typing import Literal

from prismd.api.openai import wire
from prismd.api.openai.model_names import refused
from prismd.models.base import Message

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


def turn_of(number: int, message: wire.ChatMessage) -> Message:
    """The turn that a message stands for.

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
    parts = [_text(f"{param}.content[{at}]", part) for at, part in enumerate(content)]
    return Message(role, "\n".join(parts))


def _text(param: str, part: wire.ContentPart) -> str:
    if part.type in ("image_url", "input_image", "image"):
        raise refused(
            f"{param}.type", "questions with images belong to a later version; ask with text"
        )
    if part.type not in ("text", "input_text"):
        raise refused(f"{param}.type", f"{part.type[:40]!r} is not understood; send text parts")
    return part.text or ""
