from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.wording import (
    counted,
    join_broken_words,
    pairs,
    passage_context,
    sentence_ranges,
    statement_ranges,
    trim,
    words,
)

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.lists(
    st.sampled_from(
        [
            "A b. ",
            "Dr. X ",
            "U.S. ",
            "e.g. ",
            "\n",
            "\n\n",
            "| a | b |\n",
            "a\tb\n",
            "。",
            "?! ",
            "3.5 ",
            "\u2028",
            "...",
            '"Q." ',
            "é\u0301",
            "\U0001f600 ",
        ]
    ),
    max_size=20,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(ANY, st.sampled_from(["", "en", "de", "zh", "th", "xx", "en-US", "'"]))
def test_sentences_are_in_order_trimmed_and_lose_nothing(text: str, language: str) -> None:
    for ranges in (sentence_ranges(text, language), statement_ranges(text, language)):
        end = 0
        for start, stop in ranges:
            assert end <= start < stop <= len(text)
            assert text[start:stop] == text[start:stop].strip()
            end = stop
    held = {at for start, stop in sentence_ranges(text, language) for at in range(start, stop)}
    assert held >= {at for at, character in enumerate(text) if not character.isspace()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("It costs 3.5 euros. No more.", ["It costs 3.5 euros.", "No more."]),
        ("A heading\n\nA sentence.", ["A heading", "A sentence."]),
        ("今日は雨です。明日は晴れます。", ["今日は雨です。", "明日は晴れます。"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentence_ranges(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exam-\nple", "example"),
        ("exam\u2010\nple", "example"),
        ("exam\u00ad\nple", "example"),
        ("co\u00adop", "coop"),
        ("North-\nAmerica", "North-\nAmerica"),
        ("1990-\n1995", "1990-\n1995"),
        ("a -\nb", "a -\nb"),
        ("well-known", "well-known"),
        ("Über-\nänderung", "Überänderung"),
    ],
)
def test_words_broken_at_a_line_end_are_joined(text: str, expected: str) -> None:
    assert join_broken_words(text) == expected


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_trimming_is_stripping(text: str, a: int, b: int) -> None:
    start, end = min(a, b, len(text)), min(max(a, b), len(text))
    found = trim(text, start, end)
    assert (text[slice(*found)] if found else "") == text[start:end].strip()


def test_words_of_any_script() -> None:
    assert words("The Exam-\nple, twice: the") == ["the", "example", "twice", "the"]
    assert words("学习A股") == ["学习", "a", "股"]
    assert words("foo_bar 3.5") == ["foo", "bar", "3", "5"]
    assert words("") == []


def test_pairs_overlap() -> None:
    assert pairs("一二三") == ["一二", "二三"]
    assert pairs("一") == ["一"]


def test_a_context_says_nothing_twice() -> None:
    assert passage_context("T", ("A", "", "T", "B")) == "T > A > B"
    assert passage_context("", ()) == ""


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2000, "2,000 files")])
def test_numbers_agree_with_their_nouns(number: int, said: str) -> None:
    assert counted(number, "file") == said
