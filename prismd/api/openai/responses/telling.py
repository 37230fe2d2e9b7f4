"""A response as it is told: whole, or event by event while it is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from prismd.api.errors import describe
from prismd.api.openai.completion import Item, Reply
from prismd.api.openai.responses import events
from prismd.api.openai.responses.items import (
    ConversationItem,
    FileSearchItem,
    FunctionCallItem,
    OutputText,
)
from prismd.api.openai.responses.shape import (
    Frame,
    ResponseObject,
    failed,
    finished,
    message_item,
    search_item,
    text_part,
)

_SEARCH = 0


class ResponseTelling:
    """Tells one response.

    Args:
        frame: What is known of it before.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._message = _SEARCH + 1 if frame.searches else 0
        self._told = 0
        self._speaking = False

    def whole(self, reply: Reply) -> ResponseObject:
        """The response at once."""
        return finished(self._frame, reply)

    def begin(self) -> Iterator[bytes]:
        """There will be a response, for which the files are searched."""
        yield self._say(events.Created, response=self._frame.response)
        yield self._say(events.InProgress, response=self._frame.response)
        if self._frame.searches:
            item = search_item(self._frame, None)
            yield self._say(events.ItemAdded, output_index=_SEARCH, item=item)
            yield self._of_search(events.SearchInProgress)
            yield self._of_search(events.Searching)

    def item(self, item: Item) -> Iterator[bytes]:
        """What an item of the work adds.

        What a search found, and calls of functions, are known to be whole with the reply: so are
        their items, which have the places that they have in the whole response.
        """
        if isinstance(item, str):
            if not self._speaking:
                yield from self._begin_message()
            yield self._of_message(events.TextDelta, delta=item)
        elif isinstance(item, Reply):
            yield from self._end(item)

    def failure(self, error: Exception) -> Iterator[bytes]:
        """That it could not be brought to its end."""
        status, envelope, _ = describe(error)
        said = envelope.error
        response = failed(self._frame, status, said.message)
        yield self._say(events.Failed, response=response)
        yield self._say(
            events.Error, code=said.code, message=said.message, param=said.param, error=said
        )

    def _begin_message(self) -> Iterator[bytes]:
        self._speaking = True
        if self._frame.searches:
            yield self._of_search(events.SearchCompleted)
        item = message_item(self._frame, "in_progress", ())
        yield self._say(events.ItemAdded, output_index=self._message, item=item)
        yield self._of_message(events.PartAdded, part=OutputText(""))

    def _end(self, reply: Reply) -> Iterator[bytes]:
        response = finished(self._frame, reply)
        if not self._speaking and not reply.tool_calls:
            yield from self._begin_message()
        for index, item in enumerate(response.output):
            yield from self._ending(index, item, reply)
            yield self._say(events.ItemDone, output_index=index, item=item)
        ending = events.Completed if response.status == "completed" else events.Incomplete
        yield self._say(ending, response=response)

    def _ending(self, index: int, item: ConversationItem, reply: Reply) -> Iterator[bytes]:
        """What comes before an item is done."""
        if isinstance(item, FunctionCallItem):
            yield from self._call(index, item)
        elif not isinstance(item, FileSearchItem):
            part = text_part(reply)
            for number, annotation in enumerate(part.annotations):
                yield self._of_message(
                    events.AnnotationAdded, annotation=annotation, annotation_index=number
                )
            yield self._of_message(events.TextDone, text=part.text)
            yield self._of_message(events.PartDone, part=part)

    def _call(self, index: int, item: FunctionCallItem) -> Iterator[bytes]:
        place = {"output_index": index, "item_id": item.id}
        begun = msgspec.structs.replace(item, arguments="", status="in_progress")
        yield self._say(events.ItemAdded, output_index=index, item=begun)
        yield self._say(events.ArgumentsDelta, **place, delta=item.arguments)
        yield self._say(events.ArgumentsDone, **place, name=item.name, arguments=item.arguments)

    def _of_search(self, kind: type[events.Event]) -> bytes:
        return self._say(kind, output_index=_SEARCH, item_id=self._frame.id_of("fs"))

    def _of_message(self, kind: type[events.Event], **fields: Any) -> bytes:
        item_id = self._frame.id_of("msg")
        return self._say(kind, output_index=self._message, item_id=item_id, **fields)

    def _say(self, kind: type[events.Event], **fields: Any) -> bytes:
        event = kind(sequence_number=self._told, **fields)
        self._told += 1
        tag = str(kind.__struct_config__.tag).encode()
        return b"event: %s\ndata: %s\n\n" % (tag, msgspec.json.encode(event))
