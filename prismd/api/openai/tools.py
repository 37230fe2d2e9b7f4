"""Tools of a chat request, and what becomes of them with each model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from prismd.api.openai import wire
from prismd.api.openai.model_names import PRISM_RAW, refused
from prismd.models.base import Message, Sampling, Tool, ToolCall

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHOICES = ("auto", "none", "required")


def refuse_old_functions(request: wire.ChatRequest) -> None:
    """Refuse what OpenAI had before tools.

    Raises:
        RequestError: There are functions; says how to send them.
    """
    if request.functions:
        raise refused(
            "functions", 'have become tools; send tools: [{"type": "function", "function": …}]'
        )


def refuse_forced_call(request: wire.ChatRequest) -> None:
    """Refuse a call that a cited answer cannot be; tools that are merely offered are ignored.

    Raises:
        RequestError: A call is required; names the model that makes one.
    """
    if request.tool_choice in (None, "auto", "none"):
        return
    raise refused(
        "tool_choice", f"a cited answer calls no tools; ask the model {PRISM_RAW!r} for calls"
    )


def with_tools(sampling: Sampling, request: wire.ChatRequest) -> Sampling:
    """A request's sampling with its tools.

    Raises:
        RequestError: A tool has no name or that of another, or the choice names none of them.
    """
    tools = tuple(_tool(f"tools[{at}]", tool) for at, tool in enumerate(request.tools or ()))
    names = [tool.name for tool in tools]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise refused(f"tools[{at}].function.name", f"there are two {name!r}; rename one")
    given: dict[str, Any] = {"tools": tools, **_choice(request.tool_choice, names)}
    if request.parallel_tool_calls is not None:
        given["parallel_tool_calls"] = request.parallel_tool_calls
    return msgspec.structs.replace(sampling, **given)


def check_outcomes(turns: Sequence[Message]) -> None:
    """Refuse outcomes of calls that nobody made.

    Raises:
        RequestError: Names the first of them.
    """
    made: set[str] = set()
    for number, turn in enumerate(turns):
        made.update(call.id for call in turn.tool_calls)
        if turn.tool_call_id and turn.tool_call_id not in made:
            raise refused(
                f"messages[{number}].tool_call_id",
                f"{turn.tool_call_id[:80]!r} is no call of an earlier turn; send the turn with the"
                " call as well",
            )


def calls_of(param: str, calls: Sequence[wire.MessageToolCall]) -> tuple[ToolCall, ...]:
    """The calls of an earlier turn.

    Raises:
        RequestError: One has no function's name.
    """
    return tuple(_call(f"{param}[{at}]", call) for at, call in enumerate(calls))


def _call(param: str, call: wire.MessageToolCall) -> ToolCall:
    function = call.function
    if function is None or not function.name:
        raise refused(f"{param}.function.name", "is missing; give the name of the tool")
    arguments = function.arguments
    if isinstance(arguments, dict):
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(call.id or "", function.name, arguments or "{}")


def _tool(param: str, tool: wire.ToolSpec) -> Tool:
    if tool.type not in (None, "function"):
        raise refused(f"{param}.type", f"{tool.type[:40]!r} is not there; send functions")
    function = tool.function
    if function is None or not function.name:
        raise refused(f"{param}.function.name", "is missing; give the tool a name")
    if not _NAME.fullmatch(function.name):
        raise refused(
            f"{param}.function.name",
            f"{function.name[:80]!r} is no name of a tool; use up to 64 letters, digits, _ and -",
        )
    return Tool(function.name, function.description or "", function.parameters or {})


def _choice(choice: str | wire.NamedTool | None, names: Sequence[str]) -> dict[str, str]:
    if choice is None:
        return {}
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise refused(
                "tool_choice", f"{choice[:40]!r} is none; allowed are {', '.join(_CHOICES)}"
            )
        if choice == "required" and not names:
            raise refused("tool_choice", "a call is required and no tool is given; send tools")
        return {"tool_choice": choice}
    named = choice.function.name if choice.function is not None else None
    if named not in names:
        raise refused(
            "tool_choice.function.name", f"{str(named)[:80]!r} is none of the tools given"
        )
    return {"tool_choice": "required", "tool_name": str(named)}
