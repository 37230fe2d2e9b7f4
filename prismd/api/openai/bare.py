"""The bare generator's answers."""

from __future__ import annotations

from collections.abc import Iterator

from prismd.api.interrupt import noted
from prismd.api.openai.completion import Item, Reply, usage_of
from prismd.models.base import Delta, Generator, Message, Sampling, ToolCall


def write(generator: Generator, turns: tuple[Message, ...], sampling: Sampling) -> Iterator[Item]:
    """What the generator makes of a conversation. Blocks."""
    written: list[str] = []
    calls: list[ToolCall] = []
    end = Delta("", "stop")
    deltas = noted(generator.generate(turns, sampling))
    try:
        for delta in deltas:
            if delta.text:
                written.append(delta.text)
                yield delta.text
            if delta.tool_call is not None:
                calls.append(delta.tool_call)
                yield delta.tool_call
            if delta.finish_reason is not None:
                end = delta
    finally:
        close = getattr(deltas, "close", None)
        if close is not None:
            close()
    yield Reply(
        "".join(written),
        end.finish_reason or "stop",
        usage_of(end.prompt_tokens, end.completion_tokens),
        tool_calls=tuple(calls),
    )
