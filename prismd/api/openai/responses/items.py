"""The items that conversations are made of, as they are sent, kept and listed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from prismd.api.openai.model_names import refused
from prismd.api.openai.responses.wire import InputItem, Part
from prismd.errors import RequestError

ItemStatus = Literal["in_progress", "completed", "incomplete"]

_ID = re.compile(r"[a-z]{2,4}_([0-9a-f]{32})[0-9a-f]{8}")
_OF_INPUT = 0x80000000
_UNSAID = ("reasoning", "file_search_call")
"""Items of an earlier output that say nothing to a model here."""


class FileCitation(Struct, frozen=True, tag_field="type", tag="file_citation"):
    """The file that a place of the text rests on; ``index`` is where it ends, in code points."""

    file_id: str
    filename: str
    index: int


class UrlCitation(Struct, frozen=True, tag_field="type", tag="url_citation"):
    """A range of the text, in code points, and the page that shows what it rests on."""

    start_index: int
    end_index: int
    title: str
    url: str


Annotation = FileCitation | UrlCitation


class InputText(Struct, frozen=True, tag_field="type", tag="input_text"):
    """What was asked, or told to the model."""

    text: str


class InputImage(Struct, frozen=True, tag_field="type", tag="input_image"):
    """A picture that came with a question, as data URL."""

    image_url: str
    detail: str = "auto"


class OutputText(Struct, frozen=True, tag_field="type", tag="output_text"):
    """What was answered."""

    text: str
    annotations: tuple[Annotation, ...] = ()
    logprobs: tuple[()] = ()


class MessageItem(Struct, frozen=True, tag_field="type", tag="message"):
    """What somebody said."""

    id: str
    role: str
    content: tuple[InputText | InputImage | OutputText, ...]
    status: ItemStatus = "completed"


class FunctionCallItem(Struct, frozen=True, tag_field="type", tag="function_call"):
    """A function that the model asks to be called."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus = "completed"


class FunctionOutputItem(Struct, frozen=True, tag_field="type", tag="function_call_output"):
    """What a function returned."""

    id: str
    call_id: str
    output: str
    status: ItemStatus = "completed"


class FoundPassage(Struct, frozen=True):
    """A passage that a search found; ``score`` is its similarity."""

    file_id: str
    filename: str
    score: float
    text: str
    attributes: dict[str, str] = {}


class FileSearchItem(Struct, frozen=True, tag_field="type", tag="file_search_call"):
    """A search of the files; ``results`` are there where they were asked for."""

    id: str
    queries: tuple[str, ...]
    status: Literal["in_progress", "completed", "incomplete"]
    results: tuple[FoundPassage, ...] | None = None


ConversationItem = MessageItem | FunctionCallItem | FunctionOutputItem | FileSearchItem


class Given(Struct, frozen=True):
    """An item of a request, and the parameter that it came in."""

    param: str
    item: ConversationItem


def item_id(response_id: str, kind: str, number: int, *, of_input: bool = False) -> str:
    """The id of a response's item, which tells of which response it is.

    Args:
        response_id: Of the response.
        kind: What stands before the underscore.
        number: Of the item, counted from 0.
        of_input: Whether it is an item of the input.
    """
    hexadecimal = response_id.removeprefix("resp_")
    return f"{kind}_{hexadecimal}{number + (_OF_INPUT if of_input else 0):08x}"


def response_of(id_: str) -> str:
    """The id of the response that an item is of; empty where it is no item's id."""
    match = _ID.fullmatch(id_)
    return f"resp_{match[1]}" if match else ""


def referred(input_: str | Sequence[InputItem] | None) -> set[str]:
    """The ids of kept items that an input refers to."""
    if input_ is None or isinstance(input_, str):
        return set()
    return {item.id for item in input_ if _is_reference(item) and item.id is not None}


def taken(
    input_: str | Sequence[InputItem],
    response_id: str,
    known: dict[str, ConversationItem],
    earlier: frozenset[str],
) -> list[Given]:
    """The items of an input, each under an id of its own.

    Args:
        input_: As it was sent.
        response_id: Of the response that is to come of it.
        known: The kept items that it refers to.
        earlier: Items that the conversation has already; a reference to one adds nothing.

    Raises:
        RequestError: An item is not understood, or one that is referred to is not kept.
    """
    if isinstance(input_, str):
        id_ = item_id(response_id, "msg", 0, of_input=True)
        return [Given("input", MessageItem(id_, "user", (InputText(input_),)))]
    found: list[Given] = []
    for number, item in enumerate(input_):
        param = f"input[{number}]"
        if _is_reference(item):
            if item.id not in earlier:
                found.append(Given(param, _kept(item, param, known)))
        elif item.type not in _UNSAID:
            found.append(Given(param, _item(item, param, response_id, number)))
    return found


def _is_reference(item: InputItem) -> bool:
    return item.type == "item_reference" or (
        item.type is None and item.role is None and item.id is not None
    )


def _kept(item: InputItem, param: str, known: dict[str, ConversationItem]) -> ConversationItem:
    if item.id is None:
        raise missing(f"{param}.id")
    if item.id not in known:
        raise RequestError(
            f"{param}: there is no item {item.id[:80]!r} here; its response was deleted, grew too"
            " old, or was never kept: send the item itself",
            status=404,
            code="item_not_found",
            param=param,
        )
    return known[item.id]


def _item(item: InputItem, param: str, response_id: str, number: int) -> ConversationItem:
    def own(kind: str) -> str:
        return item_id(response_id, kind, number, of_input=True)

    match item.type:
        case "message" | None:
            role = needed(item.role, f"{param}.role")
            return MessageItem(own("msg"), role, _content(item, role, f"{param}.content"))
        case "function_call":
            return FunctionCallItem(
                own("fc"),
                needed(item.call_id, f"{param}.call_id"),
                needed(item.name, f"{param}.name"),
                needed(item.arguments, f"{param}.arguments"),
            )
        case "function_call_output":
            call_id = needed(item.call_id, f"{param}.call_id")
            return FunctionOutputItem(own("fco"), call_id, _output(item, f"{param}.output"))
    raise refused(
        f"{param}.type",
        f"{item.type[:40]!r} is not understood; send message, function_call,"
        " function_call_output or item_reference",
    )


def _content(
    item: InputItem, role: str, param: str
) -> tuple[InputText | InputImage | OutputText, ...]:
    answered = role == "assistant"
    content = item.content
    if content is None or isinstance(content, str):
        text = content or ""
        return (OutputText(text) if answered else InputText(text),)
    return tuple(_part(part, f"{param}[{at}]", answered) for at, part in enumerate(content))


def _part(part: Part, param: str, answered: bool) -> InputText | InputImage | OutputText:
    match part.type:
        case "input_text" | "output_text" | "text":
            text = needed(part.text, f"{param}.text")
            return OutputText(text) if answered else InputText(text)
        case "refusal":
            return OutputText(part.refusal or "")
        case "input_image" if part.image_url is not None:
            return InputImage(part.image_url, part.detail or "auto")
        case "input_image":
            raise refused(f"{param}.image_url", "is missing; give the picture as a data URL")
    raise refused(
        f"{param}.type", f"{part.type[:40]!r} is not understood; send input_text or input_image"
    )


def _output(item: InputItem, param: str) -> str:
    output = item.output
    if output is None or isinstance(output, str):
        return needed(output, param)
    texts = []
    for at, part in enumerate(output):
        if part.type not in ("input_text", "output_text", "text"):
            raise refused(
                f"{param}[{at}].type", f"{part.type[:40]!r} is not understood; send input_text"
            )
        texts.append(part.text or "")
    return "\n".join(texts)


def needed(value: str | None, param: str) -> str:
    """A value that must be there.

    Raises:
        RequestError: It is not.
    """
    if value is None:
        raise missing(param)
    return value


def missing(param: str) -> RequestError:
    """The error of a parameter that is not there."""
    return RequestError(f"{param}: is missing", param=param, code="invalid_request")
