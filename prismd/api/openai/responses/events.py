"""The events of a streamed response, as OpenAI names them."""

from __future__ import annotations

from msgspec import Struct

from prismd.api.errors import ErrorBody
from prismd.api.openai.responses.items import Annotation, ConversationItem, OutputText
from prismd.api.openai.responses.shape import ResponseObject


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """An event; ``sequence_number`` counts from 0."""

    sequence_number: int


class _OfResponse(Event, frozen=True, kw_only=True):
    response: ResponseObject


class Created(_OfResponse, frozen=True, kw_only=True, tag="response.created"):
    """There will be a response."""


class InProgress(_OfResponse, frozen=True, kw_only=True, tag="response.in_progress"):
    """It is in work."""


class Completed(_OfResponse, frozen=True, kw_only=True, tag="response.completed"):
    """It is whole."""


class Incomplete(_OfResponse, frozen=True, kw_only=True, tag="response.incomplete"):
    """It was cut at its longest."""


class Failed(_OfResponse, frozen=True, kw_only=True, tag="response.failed"):
    """It could not be brought to its end."""


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """What went wrong; ``error`` says it once more where clients of streams look for it."""

    code: str | None
    message: str
    param: str | None
    error: ErrorBody


class _OfOutput(Event, frozen=True, kw_only=True):
    output_index: int


class ItemAdded(_OfOutput, frozen=True, kw_only=True, tag="response.output_item.added"):
    """An item is begun."""

    item: ConversationItem


class ItemDone(_OfOutput, frozen=True, kw_only=True, tag="response.output_item.done"):
    """An item is whole."""

    item: ConversationItem


class _OfItem(_OfOutput, frozen=True, kw_only=True):
    item_id: str


class SearchInProgress(
    _OfItem, frozen=True, kw_only=True, tag="response.file_search_call.in_progress"
):
    """A search is begun."""


class Searching(_OfItem, frozen=True, kw_only=True, tag="response.file_search_call.searching"):
    """The files are searched."""


class SearchCompleted(
    _OfItem, frozen=True, kw_only=True, tag="response.file_search_call.completed"
):
    """The files were searched."""


class ArgumentsDelta(
    _OfItem, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"
):
    """A piece of what a function is to be called with."""

    delta: str


class ArgumentsDone(
    _OfItem, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    """All that a function is to be called with."""

    name: str
    arguments: str


class _OfContent(_OfItem, frozen=True, kw_only=True):
    content_index: int = 0


class PartAdded(_OfContent, frozen=True, kw_only=True, tag="response.content_part.added"):
    """A part of a message is begun."""

    part: OutputText


class PartDone(_OfContent, frozen=True, kw_only=True, tag="response.content_part.done"):
    """A part of a message is whole."""

    part: OutputText


class TextDelta(_OfContent, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """Text as it is made."""

    delta: str
    logprobs: tuple[()] = ()


class TextDone(_OfContent, frozen=True, kw_only=True, tag="response.output_text.done"):
    """The whole text."""

    text: str
    logprobs: tuple[()] = ()


class AnnotationAdded(
    _OfContent, frozen=True, kw_only=True, tag="response.output_text.annotation.added"
):
    """What a place of the text rests on."""

    annotation: Annotation
    annotation_index: int
