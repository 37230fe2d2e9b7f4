"""Turns of a conversation to what the newest asks, and what it may lean on. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from prismd.errors import RequestError
from prismd.models.base import Message
from prismd.wording import apart_from_manner, asks_nothing, leans, topic_of

QUESTION_CHARS = 20_000
_CONTEXT_CHARS = 2_000
_MOST_TURNS = 4
_MOST_SAID = 24
_MARKS = re.compile(r"(?:\s*\[\d{1,6}\])+")
_LISTED = re.compile(r"\s*(?:- \[\d|>)")
"""Lines that list a source, or quote a picture that was sent: no statements of a file."""


class Context(msgspec.Struct, frozen=True):
    """What a question may lean on.

    Attributes:
        topic: The words that are looked for together with the question.
        readings: What may be put before the question to say what it means, each by itself.
        text: All of it, for a model that writes.
    """

    topic: str
    readings: tuple[str, ...]
    text: str


class Asked(msgspec.Struct, frozen=True):
    """What is asked.

    Attributes:
        text: The newest turn of the user, but for how it wants to be answered.
        manner: How that is, in its words.
        contexts: What it may lean on, the likeliest first.
        leans: Whether it says little without them.
        must_lean: Whether, if it leans, it is not to be read without them.
        said: The statements that it was answered with so far.
    """

    text: str
    contexts: tuple[Context, ...] = ()
    leans: bool = False
    must_lean: bool = False
    said: tuple[str, ...] = ()
    manner: str = ""

    @property
    def whole(self) -> str:
        """What is asked, and how it wants to be answered."""
        return f"{self.text} {self.manner}".strip()


def resolve(turns: Sequence[Message], *, pictured: bool = False) -> Asked:
    """What the newest turn of the user asks.

    Args:
        turns: Of the conversation, the newest last.
        pictured: Whether pictures came with the newest turn, which then needs no words.

    Raises:
        RequestError: There is no turn of the user, or it is empty or too long.
    """
    asked = [turn.content.strip() for turn in turns if turn.role == "user"]
    if not asked or not (asked[-1] or pictured):
        raise RequestError("messages: the last one of the user is empty", param="messages")
    newest = asked[-1]
    if len(newest) > QUESTION_CHARS:
        raise RequestError(
            f"messages: a question may have {QUESTION_CHARS:,} characters, this one has"
            f" {len(newest):,}; ask a shorter one, or put long texts into a watched folder",
            param="messages",
            code="question_too_long",
        )
    user = [n for n, turn in enumerate(turns) if turn.role == "user"]
    before = turns[: user[-1]]
    context = _context(before)
    said = tuple(statement for turn in before for statement in _statements(turn))
    wanted, manner = apart_from_manner(newest)
    return Asked(
        wanted,
        contexts=(context,) if context else (),
        leans=bool(wanted) and leans(wanted),
        said=said[-_MOST_SAID:],
        manner=manner,
    )


def _context(before: Sequence[Message]) -> Context | None:
    """The last question with those that it leaned on itself, and what it was answered with."""
    chain: list[str] = []
    answers: list[str] = []
    for turn in reversed(before):
        text = turn.content.strip()
        if turn.role == "assistant" and (statements := _statements(turn)):
            answers.insert(0, " ".join(statements)[:_CONTEXT_CHARS])
        if turn.role != "user" or not text or asks_nothing(text):
            continue
        chain.insert(0, text[:_CONTEXT_CHARS])
        if not leans(text) or len(chain) == _MOST_TURNS:
            break
    if not chain:
        return None
    asked, told = " ".join(chain), " ".join(answers)
    readings = (topic_of(asked), topic_of(answers[-1] if answers else ""), topic_of(told))
    known = tuple(dict.fromkeys(filter(None, readings)))
    return Context(topic_of(f"{asked} {told}"), known, asked)


def _statements(turn: Message) -> list[str]:
    """The sentences of an answer that were cited, without their marks."""
    if turn.role != "assistant":
        return []
    found = []
    for line in turn.content.splitlines():
        if _LISTED.match(line):
            continue
        end = 0
        for mark in _MARKS.finditer(line):
            sentence = line[end : mark.start()].strip()
            end = mark.end()
            if sentence:
                found.append(sentence)
    return found
