"""What is sent to ``/v1/responses``: ``null`` means "not given"; unknown fields are ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from prismd.api.openai.file_filters import AttributeFilter
from prismd.api.openai.narrowing import RankingOptions
from prismd.api.openai.wire import Positive, PrismOptions, Share, Temperature

MetadataKey = Annotated[str, Meta(max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)]
Results = Annotated[int, Meta(ge=1, le=50)]


class Part(Struct, frozen=True):
    """A part of a message, or of what a function returned."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class InputItem(Struct, frozen=True):
    """A message, a call of a function, what it returned, or the id of an item that is kept.

    ``type`` may be left out of a message, and of a reference.
    """

    type: str | None = None
    id: str | None = None
    role: str | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[Part] | None = None


class ToolOption(Struct, frozen=True, omit_defaults=True):
    """A tool: ``function`` for the bare generator, ``file_search`` for cited answers."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    vector_store_ids: list[str] | None = None
    filters: AttributeFilter | None = None
    max_num_results: Results | None = None
    ranking_options: RankingOptions | None = None

    @property
    def is_had(self) -> bool:
        """Whether it can be had here; agents offer all that they know, and the rest is ignored."""
        return self.type in ("function", "file_search")


class ChosenTool(Struct, frozen=True, omit_defaults=True):
    """The tool that must be used, or (``allowed_tools``) those that may."""

    type: str
    name: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[ChosenTool] | None = None


class TextFormat(Struct, frozen=True):
    """The form of the answer's text."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextOptions(Struct, frozen=True):
    """How the answer's text is to be."""

    format: TextFormat | None = None


class ResponsesRequest(Struct, frozen=True):
    """``POST /v1/responses``."""

    model: str
    input: str | list[InputItem] | None = None
    instructions: str | None = None
    stream: bool | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    tools: list[ToolOption] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    max_output_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    metadata: Metadata | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    top_logprobs: int | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None
    user: str | None = None
    prism: PrismOptions | None = None
