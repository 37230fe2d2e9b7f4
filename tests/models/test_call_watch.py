from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.models.call_watch import CallWatch

NAMES = ("get_weather", "get_wind")
CALL = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
OPENINGS = [
    f"<tool_call>\n{CALL}\n</tool_call>",
    CALL,
    f"```json\n{CALL}\n```",
    f"```\n{CALL}\n```",
    '{\n  "name": "get_wind",\n  "arguments": {}\n}',
]
PLAIN = [
    "It rains in Paris.",
    '{"name": "John", "age": 3}',
    '```json\n{"name": "get_weather_of_mars"}\n```',
    '```python\nprint("name")\n```\nThat is all.',
    "a < b, and <tool is no mark",
    'Write {"name": "get_weather"} to call it.',
    "   \n\n  indented\n",
    "{",
    "```",
    "",
]
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=9)


def pieces_of(text: str, lengths: list[int]) -> list[str]:
    """A text cut into pieces of these lengths, over and over."""
    pieces = []
    while text:
        for length in lengths:
            pieces.append(text[:length])
            text = text[length:]
    return [piece for piece in pieces if piece]


def watched(text: str, lengths: list[int]) -> tuple[CallWatch, str]:
    watch = CallWatch(NAMES)
    given = "".join(watch.add(piece) for piece in pieces_of(text, lengths))
    return watch, given + watch.rest()


@given(st.sampled_from(OPENINGS), st.sampled_from(["", "Well:\n", "Let me look.\n\n"]), cuts)
def test_a_call_is_seen_however_it_comes_and_nothing_of_it_is_given_on(
    opening: str, before: str, lengths: list[int]
) -> None:
    watch, given = watched(before + opening, lengths)
    assert watch.opened
    assert given == watch.given == before.rstrip()
    assert watch.by_mark == opening.startswith("<tool_call>")


@given(st.sampled_from(PLAIN), cuts)
def test_what_is_no_call_is_given_on_whole(text: str, lengths: list[int]) -> None:
    watch, given = watched(text, lengths)
    assert not watch.opened
    assert given == watch.given == text


@given(st.text(alphabet='<tool_cal>{`"name:\n jsx', max_size=60), cuts)
def test_no_text_is_lost_or_changed(text: str, lengths: list[int]) -> None:
    watch, given = watched(text, lengths)
    assert text.startswith(given)
    assert watch.opened or given == text


def test_a_mark_in_the_middle_of_a_line_counts() -> None:
    watch, given = watched("Sure. <tool_call>", [3])
    assert watch.opened
    assert given == "Sure."


@pytest.mark.parametrize("text", ["It rains", "line one\nline two"])
def test_ordinary_text_is_not_held_back(text: str) -> None:
    watch = CallWatch(NAMES)
    assert "".join(watch.add(char) for char in text) == text
