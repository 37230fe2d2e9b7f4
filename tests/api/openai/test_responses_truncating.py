"""Conversations that outgrow a context are cut at their beginning."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.openai.responses.truncating import truncated
from prismd.api.openai.wire import ChatRequest
from prismd.models.fake import FakeGenerator

AROUND = 8


def said(role: str, words: int, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": "word " * words, **fields}


def left(messages: list[dict[str, Any]], context_tokens: int, max_tokens: int = 0) -> list[int]:
    """Which of the messages are left, by their places."""
    request = msgspec.convert({"model": "m", "messages": messages}, ChatRequest)
    cut = truncated(request, FakeGenerator(context_tokens=context_tokens), max_tokens)
    places = {id(message): at for at, message in enumerate(request.messages)}
    return [places[id(message)] for message in cut.messages]


def test_what_fits_stays_whole() -> None:
    messages = [said("user", 10), said("assistant", 10), said("user", 10)]
    assert left(messages, 3 * (10 + AROUND)) == [0, 1, 2]
    assert left(messages, 3 * (10 + AROUND) - 1) == [1, 2]
    assert left(messages, 3 * (10 + AROUND), max_tokens=1) == [1, 2]


def test_instructions_stay_and_so_does_the_newest_turn() -> None:
    messages = [said("system", 10), said("user", 10), said("developer", 10), said("user", 10)]
    assert left(messages, 1) == [0, 2, 3]


def test_what_a_function_returned_goes_with_its_call() -> None:
    messages = [
        said("user", 10),
        said("assistant", 0, tool_calls=[]),
        said("tool", 10, tool_call_id="1"),
        said("tool", 10, tool_call_id="2"),
        said("assistant", 10),
        said("user", 10),
    ]
    assert left(messages, 5 * AROUND + 40) == [1, 2, 3, 4, 5]
    assert left(messages, 5 * AROUND + 39) == [4, 5]


def test_a_turn_that_is_still_at_work_stays() -> None:
    messages = [said("user", 99), said("user", 10), said("assistant", 0), said("tool", 99)]
    assert left(messages, 50) == [1, 2, 3]


def test_without_a_turn_of_the_user_nothing_is_cut() -> None:
    assert left([said("assistant", 10), said("assistant", 10)], 1) == [0, 1]
    assert left([], 1) == []


@given(
    turns=st.lists(
        st.tuples(
            st.sampled_from(["system", "user", "assistant", "tool"]),
            st.integers(min_value=0, max_value=30),
        ),
        max_size=12,
    ),
    room=st.integers(min_value=0, max_value=300),
)
def test_what_is_left_is_the_end_and_the_instructions(
    turns: list[tuple[str, int]], room: int
) -> None:
    messages = [said(role, words) for role, words in turns]
    kept = left(messages, room)
    assert kept == sorted(set(kept))
    spoken = [at for at in kept if turns[at][0] != "system"]
    assert not spoken or spoken == [
        at for at in range(spoken[0], len(turns)) if turns[at][0] != "system"
    ]
    assert {at for at, (role, _) in enumerate(turns) if role == "system"} <= set(kept)
