"""Answers in the shape of OpenAI's responses. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from prismd.api.openai.completion import Found, PrismNote, Reply, Usage
from prismd.api.openai.responses.items import (
    Annotation,
    ConversationItem,
    FileCitation,
    FileSearchItem,
    FoundPassage,
    FunctionCallItem,
    ItemStatus,
    MessageItem,
    OutputText,
    UrlCitation,
    item_id,
)
from prismd.api.openai.responses.wire import ResponsesRequest, TextFormat, ToolOption
from prismd.domain import Citation
from prismd.models.base import Sampling
from prismd.wording import shown_name

FILE_SEARCH_RESULTS = "file_search_call.results"
"""What ``include`` has to name for a search to show what it found."""


class InputTokensDetails(Struct, frozen=True):
    """OpenAI's bookkeeping of its caches, which are none of prismd's."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(Struct, frozen=True):
    """OpenAI's bookkeeping of hidden reasoning, which there is none of."""

    reasoning_tokens: int = 0


class ResponseUsage(Struct, frozen=True):
    """Tokens that a response took."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()


class IncompleteDetails(Struct, frozen=True):
    """Why an answer has no end."""

    reason: Literal["max_output_tokens"] = "max_output_tokens"


class Failure(Struct, frozen=True):
    """Why there is no answer."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class Reasoning(Struct, frozen=True):
    """OpenAI's settings of hidden reasoning, which there is none of."""

    effort: None = None
    summary: None = None


class Warned(Struct, frozen=True):
    """prismd's own part of a response that rests on no files."""

    warnings: tuple[str, ...]


class ResponseObject(Struct, frozen=True, kw_only=True):
    """A response; ``output`` and what follows from it are filled in at its end."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Literal["in_progress", "completed", "incomplete", "failed"] = "in_progress"
    background: bool = False
    error: Failure | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    model: str
    output: tuple[ConversationItem, ...] = ()
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: Reasoning = Reasoning()
    store: bool
    temperature: float
    text: dict[str, Any]
    tool_choice: Any
    tools: tuple[dict[str, Any], ...]
    top_p: float
    truncation: Literal["auto", "disabled"]
    usage: ResponseUsage | None = None
    user: str | None
    metadata: dict[str, str]
    prism: Any = UNSET
    """``PrismNote``, or ``Warned`` where the bare generator wrote; OpenAI knows neither."""


class Frame(Struct, frozen=True):
    """What is known of a response before there is an answer.

    Attributes:
        response: Without output.
        searches: Whether the search of the files is shown as an item.
        with_results: Whether that item has what was found.
    """

    response: ResponseObject
    searches: bool = False
    with_results: bool = False

    def id_of(self, kind: str, number: int = 0) -> str:
        """The id of an item of the output, the same each time."""
        return item_id(self.response.id, kind, number)


def frame_of(
    request: ResponsesRequest,
    response_id: str,
    created_at: int,
    defaults: Sampling,
    *,
    keep: bool,
    cited: bool,
) -> Frame:
    """The frame of the response to a request.

    Args:
        request: As it was sent.
        response_id: Of the response.
        created_at: Seconds since the epoch.
        defaults: How answers are written where the request does not say.
        keep: Whether the response is to be kept.
        cited: Whether it rests on the files.
    """
    tools = [tool for tool in request.tools or () if tool.is_had]
    include = request.include or []
    response = ResponseObject(
        id=response_id,
        created_at=created_at,
        instructions=request.instructions,
        max_output_tokens=request.max_output_tokens,
        model=request.model,
        parallel_tool_calls=request.parallel_tool_calls is not False,
        previous_response_id=request.previous_response_id,
        store=keep,
        temperature=defaults.temperature if request.temperature is None else request.temperature,
        text={"format": _format(request.text.format if request.text else None)},
        tool_choice=_choice(request),
        tools=tuple(_tool(tool) for tool in tools),
        top_p=defaults.top_p if request.top_p is None else request.top_p,
        truncation=request.truncation or "disabled",
        user=request.user,
        metadata=request.metadata or {},
    )
    with_results = cited and FILE_SEARCH_RESULTS in include
    searches = with_results or any(tool.type == "file_search" for tool in tools)
    return Frame(response, searches, with_results)


def finished(frame: Frame, reply: Reply) -> ResponseObject:
    """The whole response."""
    cut = reply.finish_reason == "length"
    return msgspec.structs.replace(
        frame.response,
        status="incomplete" if cut else "completed",
        incomplete_details=IncompleteDetails() if cut else None,
        output=tuple(output_of(frame, reply)),
        usage=_usage(reply.usage),
        store=frame.response.store and not reply.not_kept,
        prism=_note(reply),
    )


def failed(frame: Frame, status: int, message: str) -> ResponseObject:
    """The response to a request that could not be answered to its end."""
    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"] = "server_error"
    if status < 500:
        code = "rate_limit_exceeded" if status == 429 else "invalid_prompt"
    return msgspec.structs.replace(frame.response, status="failed", error=Failure(code, message))


def output_of(frame: Frame, reply: Reply) -> Iterator[ConversationItem]:
    """The items of an answer: the search, the message, then calls of functions."""
    if frame.searches and reply.found is not None:
        yield search_item(frame, reply.found)
    if reply.text or not reply.tool_calls:
        status: ItemStatus = "incomplete" if reply.finish_reason == "length" else "completed"
        yield message_item(frame, status, (text_part(reply),))
    for number, call in enumerate(reply.tool_calls):
        yield FunctionCallItem(frame.id_of("fc", number), call.id, call.name, call.arguments)


def message_item(frame: Frame, status: ItemStatus, content: tuple[OutputText, ...]) -> MessageItem:
    """The answer's message."""
    return MessageItem(frame.id_of("msg"), "assistant", content, status)


def text_part(reply: Reply) -> OutputText:
    """The answer's text, with what it rests on."""
    return OutputText(reply.text, tuple(_annotations(reply)))


def search_item(frame: Frame, found: Found | None) -> FileSearchItem:
    """The search of the files; in progress as long as nothing is known of what it found."""
    id_ = frame.id_of("fs")
    if found is None:
        return FileSearchItem(id_, (), "in_progress")
    results = tuple(
        FoundPassage(
            f"file-{hit.file_id}", shown_name(hit.path), round(hit.similarity, 4), hit.passage.text
        )
        for hit in found.hits
    )
    queries = (found.query,) if found.query else ()
    return FileSearchItem(id_, queries, "completed", results if frame.with_results else None)


def _annotations(reply: Reply) -> Iterator[Annotation]:
    """Of each citation the file, for clients that know files, and the place, for all others."""
    if reply.sources is None:
        return
    named: set[tuple[str, int]] = set()
    for citation in reply.sources.prism.citations:
        if (place := (citation.file_id, citation.char_end)) not in named:
            named.add(place)
            yield _file_citation(citation)
        yield UrlCitation(citation.char_start, citation.char_end, citation.title, citation.url)


def _file_citation(citation: Citation) -> FileCitation:
    return FileCitation(citation.file_id, shown_name(citation.path), citation.char_end)


def _usage(usage: Usage) -> ResponseUsage:
    return ResponseUsage(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


def _note(reply: Reply) -> PrismNote | Warned | UnsetType:
    note = reply.sources.prism if reply.sources is not None else None
    if not reply.not_kept:
        return UNSET if note is None else note
    if note is None:
        return Warned((reply.not_kept,))
    return msgspec.structs.replace(note, warnings=(*note.warnings, reply.not_kept))


def _format(format_: TextFormat | None) -> dict[str, Any]:
    if format_ is None or format_.type != "json_schema":
        return {"type": format_.type if format_ is not None else "text"}
    return msgspec.structs.asdict(format_)


def _choice(request: ResponsesRequest) -> Any:
    choice = request.tool_choice
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    return msgspec.to_builtins(choice)


def _tool(tool: ToolOption) -> dict[str, Any]:
    """A tool as it was given, with what OpenAI's clients want of its kind."""
    given = msgspec.to_builtins(tool)
    if tool.type == "function":
        wanted = dict.fromkeys(("name", "description", "parameters", "strict"))
        return {"type": tool.type, **wanted, **given}
    return {"type": tool.type, "vector_store_ids": [], **given}
