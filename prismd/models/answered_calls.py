"""Calls whose outcome is there already. Pure.

Small models call again what they have just been answered, word for word and without end (measured
with Qwen2.5-Coder 0.5B: 3 of 4), but answer well when the outcome is told them as text (4 of 4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from prismd.models.base import Message, ToolCall


class AnsweredCalls:
    """The calls since the newest turn of the user, with their outcomes.

    Args:
        messages: The conversation.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        asked = [at for at, message in enumerate(messages) if message.role == "user"]
        self._before = list(messages[: asked[-1] + 1] if asked else messages)
        since = messages[asked[-1] + 1 :] if asked else ()
        outcomes = {turn.tool_call_id: turn.content for turn in since if turn.role == "tool"}
        self._told = [
            (call, outcomes[call.id])
            for turn in since
            for call in turn.tool_calls
            if call.id in outcomes
        ]

    def holds(self, call: ToolCall) -> bool:
        """Whether the same tool was called with the same arguments."""
        return any(_same(call, known) for known, _ in self._told)

    def in_words(self) -> list[Message]:
        """The conversation with each outcome once, as part of what the user asks."""
        told = {f"{call.name} gave:\n{outcome}": None for call, outcome in self._told}
        question = self._before[-1]
        content = "\n\n".join([question.content, *told])
        return [*self._before[:-1], msgspec.structs.replace(question, content=content)]


def _same(call: ToolCall, other: ToolCall) -> bool:
    return call.name == other.name and _value(call.arguments) == _value(other.arguments)


def _value(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
