"""A request for a response as the request for a chat that asks the same. Pure.

What it is checked for, and how it is answered, is then the same for both; errors name what was
sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from prismd.api.openai import wire as chat_wire
from prismd.api.openai.model_names import PRISM, PRISM_RAW, PRISM_SOURCES, refused
from prismd.api.openai.parts import SentPicture, pictures_of
from prismd.api.openai.responses.items import (
    ConversationItem,
    FunctionCallItem,
    FunctionOutputItem,
    Given,
    InputImage,
    InputText,
    MessageItem,
    OutputText,
    missing,
)
from prismd.api.openai.responses.wire import ChosenTool, ResponsesRequest, TextFormat, ToolOption
from prismd.errors import RequestError

EARLIER = "previous_response_id"
"""Where what was said in earlier responses stood in the request."""
LOGPROBS = "message.output_text.logprobs"

_MESSAGE = re.compile(r"messages\[(\d+)\](.*)", re.DOTALL)
_TOOL = re.compile(r"tools\[(\d+)\](.*)", re.DOTALL)
_NAMES = {
    "messages": "input",
    "response_format": "text.format",
    "max_completion_tokens": "max_output_tokens",
}


class Translated(msgspec.Struct, frozen=True):
    """The request for a chat, and where its messages and tools were in what was sent."""

    chat: chat_wire.ChatRequest
    messages: tuple[str, ...]
    tools: tuple[str, ...]

    def pictures(self) -> tuple[SentPicture, ...]:
        """The pictures that came with the request itself, but for those of a long list's start.

        Raises:
            RequestError: As ``pictures_of``.
        """
        sent = pictures_of(self.chat.messages)
        return tuple(each for each in sent if self.messages[each.turn] != EARLIER)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Have errors name what was sent."""
        try:
            yield
        except RequestError as error:
            if error.param is None:
                raise
            param = self._named(error.param)
            message = str(error)
            if message.startswith(error.param):
                message = param + message.removeprefix(error.param)
            raise RequestError(
                message, status=error.status, code=error.code, param=param
            ) from error

    def _named(self, param: str) -> str:
        if match := _MESSAGE.fullmatch(param):
            return self.messages[int(match[1])] + _within(match[2])
        if match := _TOOL.fullmatch(param):
            return self.tools[int(match[1])] + match[2].replace(".function", "", 1)
        head, dot, rest = param.partition(".")
        rest = rest.removeprefix("json_schema.") if head == "response_format" else rest
        rest = rest.removeprefix("function.") if head == "tool_choice" else rest
        return _NAMES.get(head, head) + dot + rest


def is_cited(model: str) -> bool:
    """Whether a model answers from the files."""
    return model in (PRISM, PRISM_SOURCES)


def check(request: ResponsesRequest) -> None:
    """Refuse what would change the answer, and cannot be had.

    Raises:
        RequestError: Names it.
    """
    if request.background:
        raise refused("background", "answers are given while one waits; leave it out")
    if request.conversation is not None:
        raise refused("conversation", "is not kept here; name the previous_response_id instead")
    if request.prompt is not None:
        raise refused("prompt", "there are no templates here; send instructions and input")
    if request.top_logprobs or LOGPROBS in (request.include or ()):
        name = "top_logprobs" if request.top_logprobs else "include"
        raise refused(name, "probabilities of tokens are not given; leave it out")
    if request.input is None:
        raise missing("input")
    for number, tool in enumerate(request.tools or ()):
        _check_tool(tool, f"tools[{number}]", cited=is_cited(request.model))
    searching = file_searches(request)
    if len(searching) > 1:
        raise refused(f"tools[{searching[1]}]", "one file_search is enough; put all into it")
    if is_cited(request.model):
        _check_choice(request.tool_choice)


def file_searches(request: ResponsesRequest) -> list[int]:
    """Where among the tools ``file_search`` is."""
    tools = request.tools or ()
    return [number for number, tool in enumerate(tools) if tool.type == "file_search"]


def translate(
    request: ResponsesRequest, earlier: Sequence[ConversationItem], given: Sequence[Given]
) -> Translated:
    """The request for a chat.

    Args:
        request: As it was sent, and checked.
        earlier: Items of the conversation that it goes on with.
        given: Its own items.

    Raises:
        RequestError: What was sent stands for nothing in a chat.
    """
    messages: list[tuple[str, dict[str, Any]]] = []
    if request.instructions:
        messages.append(("instructions", {"role": "system", "content": request.instructions}))
    for item in earlier:
        _add(messages, EARLIER, item)
    for one in given:
        _add(messages, one.param, one.item)
    functions = [
        (f"tools[{number}]", tool)
        for number, tool in enumerate(request.tools or ())
        if tool.type == "function" and _is_allowed(tool, request.tool_choice)
    ]
    chat = {
        "model": request.model,
        "messages": [message for _, message in messages],
        "max_completion_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": [_function(tool) for _, tool in functions] or None,
        "tool_choice": None if _is_met(request) else _choice(request.tool_choice),
        "parallel_tool_calls": request.parallel_tool_calls if functions else None,
        "response_format": _format(request.text.format if request.text else None),
        "prism": msgspec.to_builtins(request.prism),
    }
    return Translated(
        msgspec.convert(chat, chat_wire.ChatRequest),
        tuple(param for param, _ in messages),
        tuple(param for param, _ in functions),
    )


def _check_tool(tool: ToolOption, param: str, *, cited: bool) -> None:
    if tool.type == "file_search" and not cited:
        raise refused(
            f"{param}.type",
            f"the bare generator does not look into the files; ask the model {PRISM!r}",
        )
    if tool.type == "function" and tool.name is None:
        raise missing(f"{param}.name")


def _check_choice(choice: str | ChosenTool | None) -> None:
    """A cited answer always searches the files, and does nothing else."""
    if choice == "none":
        raise refused("tool_choice", "a cited answer always searches the files; leave it at 'auto'")
    if isinstance(choice, ChosenTool):
        wanted = choice.tools or [] if choice.type == "allowed_tools" else [choice]
        for tool in wanted:
            if tool.type != "file_search":
                raise refused(
                    "tool_choice",
                    f"{tool.type[:40]!r} is nothing that a cited answer uses; ask {PRISM_RAW!r}",
                )


def _add(messages: list[tuple[str, dict[str, Any]]], param: str, item: ConversationItem) -> None:
    match item:
        case MessageItem(role=role, content=content):
            messages.append((param, {"role": role, "content": [_part(part) for part in content]}))
        case FunctionCallItem():
            function = {"name": item.name, "arguments": item.arguments}
            call = {"id": item.call_id, "type": "function", "function": function}
            # What the assistant said and the calls that it asked for are one turn of a chat.
            if messages and messages[-1][1]["role"] == "assistant":
                messages[-1][1].setdefault("tool_calls", []).append(call)
            else:
                turn = {"role": "assistant", "content": None, "tool_calls": [call]}
                messages.append((param, turn))
        case FunctionOutputItem(call_id=call_id, output=output):
            messages.append((param, {"role": "tool", "tool_call_id": call_id, "content": output}))


def _part(part: InputText | InputImage | OutputText) -> dict[str, Any]:
    if isinstance(part, InputImage):
        return {"type": "image_url", "image_url": {"url": part.image_url, "detail": part.detail}}
    return {"type": "text", "text": part.text}


def _function(tool: ToolOption) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    return {"type": "function", "function": function}


def _is_allowed(tool: ToolOption, choice: str | ChosenTool | None) -> bool:
    if not isinstance(choice, ChosenTool) or choice.type != "allowed_tools":
        return True
    return any(allowed.name == tool.name for allowed in choice.tools or ())


def _is_met(request: ResponsesRequest) -> bool:
    """Whether a choice of tools is met by the search of the files, which is always made."""
    forced = request.tool_choice == "required" and bool(request.tools)
    return is_cited(request.model) and not (forced and not file_searches(request))


def _choice(choice: str | ChosenTool | None) -> Any:
    if choice is None or isinstance(choice, str):
        return choice
    if choice.type == "allowed_tools":
        return choice.mode or "auto"
    if choice.type == "function" and choice.name is not None:
        return {"type": "function", "function": {"name": choice.name}}
    raise refused("tool_choice", f"{choice.type[:40]!r} is not among the tools")


def _format(format_: TextFormat | None) -> dict[str, Any] | None:
    if format_ is None:
        return None
    if format_.type != "json_schema":
        return {"type": format_.type}
    given = msgspec.structs.asdict(format_)
    return {"type": given.pop("type"), "json_schema": given}


def _within(path: str) -> str:
    """A path within a message, in the words of an item; an item that is a call has no such path."""
    if path.startswith(".tool_calls"):
        return ""
    return path.replace(".tool_call_id", ".call_id", 1)
