"""Responses that are kept, so that a later request can go on with them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future

import msgspec

from prismd.api.interrupt import is_called_off
from prismd.api.openai.completion import Item, Reply, Work
from prismd.api.openai.responses.items import ConversationItem, Given, response_of
from prismd.api.openai.responses.shape import Frame, finished
from prismd.errors import RequestError, StoreError
from prismd.store import responses
from prismd.store.database import Database
from prismd.store.responses import KeptResponse, Retention

log = logging.getLogger(__name__)


class _Output(msgspec.Struct, frozen=True):
    """What of a kept response a conversation goes on with."""

    output: tuple[ConversationItem, ...]


_input = msgspec.json.Decoder(tuple[ConversationItem, ...])
_output = msgspec.json.Decoder(_Output)


class Keeping:
    """Keeps responses in the index's file, and finds them again. All but ``prune`` blocks.

    Args:
        database: Where they are kept.
        retention: How long, and how many.
    """

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention

    @property
    def keeps(self) -> bool:
        """Whether any is kept at all."""
        return self._retention.age_s > 0 and self._retention.count > 0

    def find(self, id_: str) -> KeptResponse:
        """A response by its id.

        Raises:
            RequestError: 404.
        """
        kept = self._database.read(lambda c: responses.find(c, id_, self._since()))
        if kept is None:
            raise _not_found(id_)
        return kept

    def delete(self, id_: str) -> None:
        """Forget a response.

        Raises:
            RequestError: 404.
        """
        self.find(id_)
        self._database.write(lambda c: responses.delete(c, id_))

    def prune(self) -> None:
        """Have forgotten what is too old, or too much; does not wait for it."""
        if self._database.writable:
            now = time.time()
            done = self._database.submit(lambda c: responses.prune(c, self._retention, now))
            done.add_done_callback(_tell)

    def conversation(self, previous_id: str) -> list[ConversationItem]:
        """The items of a conversation up to a response, in order.

        Raises:
            RequestError: There is no such response.
        """
        kept = self._database.read(lambda c: responses.chain(c, previous_id, self._since()))
        if not kept:
            raise RequestError(
                f"previous_response_id: there is no response {previous_id[:80]!r} here; it was"
                " deleted, grew too old, or was never kept: send the conversation as input",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        return [item for response in kept for item in items_of(response)]

    def items(self, ids: set[str]) -> dict[str, ConversationItem]:
        """Of these items those that are kept, by their ids."""
        wanted = sorted({response_of(id_) for id_ in ids} - {""})
        since = self._since()
        kept = self._database.read(lambda c: [responses.find(c, id_, since) for id_ in wanted])
        return {
            item.id: item
            for response in kept
            if response is not None
            for item in items_of(response)
            if item.id in ids
        }

    def keeping(self, work: Work, frame: Frame, given: Sequence[Given]) -> Work:
        """Work whose reply is kept before it is handed on, if the response is to be kept.

        What cannot be kept is answered all the same, and says so.
        """
        if not frame.response.store:
            return work

        def kept(reply: Reply) -> Reply:
            if is_called_off():  # nobody waits for it, and it may not be the whole
                return reply
            response = _kept(frame, given, reply)
            try:
                self._database.write(lambda c: responses.keep(c, response, self._retention))
            except StoreError as error:  # the answer is worth more than its being kept
                log.warning("a response was not kept: %s", error)
                told = f"this response was not kept, so nothing can go on from it: {error}"
                return msgspec.structs.replace(reply, not_kept=told)
            return reply

        return lambda: _with_reply(work, kept)

    def _since(self) -> float:
        return time.time() - self._retention.age_s


def input_items(kept: KeptResponse) -> tuple[ConversationItem, ...]:
    """What a response answers."""
    return _input.decode(kept.input)


def items_of(kept: KeptResponse) -> tuple[ConversationItem, ...]:
    """What a response answers, and its answer."""
    return (*input_items(kept), *_output.decode(kept.response).output)


def _tell(pruned: Future[int]) -> None:
    # What is too old is not found any more, whether it is still there or not.
    if (error := pruned.exception()) is not None:
        log.warning("old responses were not forgotten: %s", error)


def _kept(frame: Frame, given: Sequence[Given], reply: Reply) -> KeptResponse:
    response = finished(frame, reply)
    return KeptResponse(
        id=response.id,
        created_at=float(response.created_at),
        model=response.model,
        previous_id=response.previous_response_id or "",
        input=msgspec.json.encode([one.item for one in given]),
        response=msgspec.json.encode(response),
    )


def _with_reply(work: Work, change: Callable[[Reply], Reply]) -> Generator[Item, None, None]:
    items = work()
    try:
        for item in items:
            yield change(item) if isinstance(item, Reply) else item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


def _not_found(id_: str) -> RequestError:
    return RequestError(
        f"there is no response {id_[:80]!r} here; it was deleted, grew too old, or was never"
        " kept: ask once more",
        status=404,
        code="response_not_found",
        param="response_id",
    )
