"""What OpenAI's clients send: ``null`` means "not given"; unknown fields are ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from prismd.api.wire import EngineName, FilterFields, Limit

Positive = Annotated[int, Meta(ge=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class ImageUrl(Struct, frozen=True):
    """Where a picture is: a data URL, for nothing is fetched."""

    url: str


class ContentPart(Struct, frozen=True):
    """A part of a message: text or a picture."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None


class CalledFunction(Struct, frozen=True):
    """What an earlier turn called; the arguments are JSON, as text or as they are."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class MessageToolCall(Struct, frozen=True):
    """A call of a tool in an earlier turn."""

    id: str | None = None
    type: str | None = None
    function: CalledFunction | None = None


class ChatMessage(Struct, frozen=True):
    """A turn of a conversation; that of a tool gives the outcome of a call."""

    role: str
    content: str | list[ContentPart] | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class FunctionSpec(Struct, frozen=True):
    """A function that may be called; ``parameters`` is the JSON schema of its arguments."""

    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolSpec(Struct, frozen=True):
    """A tool that the model may ask to be called."""

    type: str | None = None
    function: FunctionSpec | None = None


class FunctionName(Struct, frozen=True):
    """Names a function."""

    name: str | None = None


class NamedTool(Struct, frozen=True):
    """The tool that must be called."""

    type: str | None = None
    function: FunctionName | None = None


class StreamOptions(Struct, frozen=True):
    """OpenAI's options of a stream."""

    include_usage: bool | None = None


class JsonSchema(Struct, frozen=True):
    """The schema that an answer must follow."""

    name: str | None = None
    schema: dict[str, Any] | None = None


class ResponseFormat(Struct, frozen=True):
    """OpenAI's form of an answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class PrismOptions(FilterFields, frozen=True):
    """prismd's own field of a chat request; filters may stand in ``filters`` or beside it."""

    filters: FilterFields | None = None
    limit: Limit | None = None
    engine: EngineName | None = None
    explain: bool | None = None


class ChatRequest(Struct, frozen=True):
    """``POST /v1/chat/completions``."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Seed | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[ToolSpec] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None
    response_format: ResponseFormat | None = None
    prism: PrismOptions | None = None


class EmbeddingsRequest(Struct, frozen=True):
    """``POST /v1/embeddings``; ``input_type`` is ``query`` for what is searched with."""

    model: str
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    input_type: Literal["query", "document", "passage"] | None = None
