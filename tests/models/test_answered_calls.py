from __future__ import annotations

import pytest

from prismd.models.answered_calls import AnsweredCalls
from prismd.models.base import Message, ToolCall

CALL = ToolCall("call_2", "ring", '{"times": 2, "loud": true}')
TURNS = [
    Message("system", "Be brief."),
    Message("user", "Feed them"),
    Message("assistant", "", (ToolCall("call_1", "feed", "{}"),)),
    Message("tool", "fed", (), "call_1"),
    Message("assistant", "Done."),
    Message("user", "Ring twice"),
    Message("assistant", "", (CALL, ToolCall("call_3", "wait", "{}"))),
    Message("tool", "It has rung.", (), "call_2"),
]


@pytest.mark.parametrize(
    ("name", "arguments", "held"),
    [
        ("ring", '{"loud":true,"times":2}', True),
        ("ring", '{"times": 3, "loud": true}', False),
        ("ring", "no JSON", False),
        ("wait", "{}", False),  # has no outcome
        ("feed", "{}", False),  # was of another question
    ],
)
def test_only_what_was_answered_since_the_question_counts(
    name: str, arguments: str, held: bool
) -> None:
    assert AnsweredCalls(TURNS).holds(ToolCall("other", name, arguments)) is held


def test_outcomes_become_part_of_the_question() -> None:
    *before, question = AnsweredCalls(TURNS).in_words()
    assert before == TURNS[:5]
    assert question == Message("user", "Ring twice\n\nring gave:\nIt has rung.")
    twice = [*TURNS, Message("assistant", "", (CALL,)), TURNS[-1]]
    assert AnsweredCalls(twice).in_words()[-1] == question


@pytest.mark.parametrize("turns", [[], TURNS[:1], TURNS[:2]])
def test_where_nothing_was_called_nothing_is_held(turns: list[Message]) -> None:
    assert not AnsweredCalls(turns).holds(CALL)
