"""Cited answers from the user's files."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from prismd.answer.answering import FullAnswer, Question
from prismd.answer.conversation import resolve
from prismd.api.openai.completion import Item, Usage, reply_of, source_list, usage_of
from prismd.api.services import Services
from prismd.domain import Answer
from prismd.errors import ModelError
from prismd.models.base import Message


def cite(
    question: Question, services: Services, base_url: str, *, listed: bool, explain: bool
) -> Iterator[Item]:
    """An answer to a question, with its sources. Blocks.

    Args:
        question: What is asked.
        services: What answers it.
        base_url: Where citations lead.
        listed: Whether the sources stand below the text, too.
        explain: Whether every hit says how it came to its place.
    """
    answer = None
    for piece in stream_of(services, question):
        if isinstance(piece, FullAnswer):
            answer = piece
        else:
            yield piece
    if answer is None:
        raise ModelError("the answer ended without its sources; please report this")
    usage = _spent(answer, question.turns, services)
    reply = reply_of(answer, usage, base_url, explain=explain)
    sources = source_list(answer) if listed else ""
    if sources:
        yield sources
        reply = msgspec.structs.replace(reply, text=reply.text + sources)
    yield reply


def stream_of(services: Services, question: Question) -> Iterator[str | FullAnswer]:
    """An answer as it is made, which is closed together with what reads it; keeps the question."""
    stream = services.answering.stream(question)
    try:
        for piece in stream:
            if isinstance(piece, FullAnswer):
                asked = resolve(question.turns, pictured=bool(question.pictures)).whole
                services.history.asked(asked or piece.query, piece, question.filters)
            yield piece
    finally:
        stream.close()


def _spent(answer: Answer, turns: tuple[Message, ...], services: Services) -> Usage:
    """The generator's own figures; a quoted answer is counted as the embedder would."""
    if answer.prompt_tokens or answer.completion_tokens:
        return usage_of(answer.prompt_tokens, answer.completion_tokens)
    asked = sum(count_tokens(services, turn.content) for turn in turns)
    return usage_of(asked, count_tokens(services, answer.text))


def count_tokens(services: Services, text: str) -> int:
    """Tokens of a text by the embedder, or its words where there is none."""
    if services.embedder is None:
        return len(text.split())
    return len(services.embedder.tokens.offsets(text))
