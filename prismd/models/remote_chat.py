"""What is sent to ``/chat/completions`` of another server, and its calls put together. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from prismd.models.base import Message, Sampling, Tool, ToolCall

_JSON_OBJECT = {"type": "object"}


def chat_request(model: str, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    """The body of a streamed request."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.response_schema is not None:
        body["response_format"] = _response_format(sampling.response_schema)
    if sampling.tools:
        body["tools"] = [_tool(tool) for tool in sampling.tools]
        body["tool_choice"] = _choice(sampling)
        # Servers that do not know it would refuse it, and to have it is the rule.
        if not sampling.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    return body


class CallParts:
    """Puts calls together that come in pieces."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[str, str]] = {}

    def add(self, pieces: Any) -> None:
        """Take the ``tool_calls`` of one delta; what is of no such shape is passed over."""
        for at, piece in enumerate(pieces if isinstance(pieces, list) else ()):
            if not isinstance(piece, dict):
                continue
            index = piece.get("index")
            part = self._parts.setdefault(
                index if isinstance(index, int) else at, {"id": "", "name": "", "arguments": ""}
            )
            function = piece.get("function")
            function = function if isinstance(function, dict) else {}
            part["id"] = part["id"] or str(piece.get("id") or "")
            # Some servers send the name with every piece.
            part["name"] = part["name"] or str(function.get("name") or "")
            part["arguments"] += _text(function.get("arguments"))

    def calls(self) -> list[ToolCall]:
        """The calls that have a name, in their order."""
        return [
            ToolCall(
                part["id"] or f"call_{uuid.uuid4().hex[:24]}",
                part["name"],
                part["arguments"] or "{}",
            )
            for _, part in sorted(self._parts.items())
            if part["name"]
        ]


def _text(arguments: Any) -> str:
    if arguments is None:
        return ""
    # Ollama's own protocol has an object here, and so have servers that follow it.
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()


def _message(message: Message) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["content"] = message.content or None
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _choice(sampling: Sampling) -> str | dict[str, Any]:
    if sampling.tool_choice == "required" and sampling.tool_name:
        return {"type": "function", "function": {"name": sampling.tool_name}}
    return sampling.tool_choice


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    if schema == _JSON_OBJECT:
        return {"type": "json_object"}
    named = {"name": "answer", "schema": schema, "strict": True}
    return {"type": "json_schema", "json_schema": named}
