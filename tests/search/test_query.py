from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Filters
from prismd.search.query import combine, misread, parse_query


@pytest.mark.parametrize(
    ("query", "words", "filters"),
    [
        ("budget", "budget", Filters()),
        ("folder:tax budget", "budget", Filters(folder=("tax",))),
        ('folder:"tax returns" budget', "budget", Filters(folder=("tax returns",))),
        ("budget type:image", "budget", Filters(type=("image",))),
        ("Type:IMAGE type:text x", "x", Filters(type=("image", "text"))),
        ("a path:*.pdf b", "a b", Filters(path=("*.pdf",))),
        (
            "after:2024-01-01 before:2025-01-01T10:00Z x",
            "x",
            Filters(after="2024-01-01", before="2025-01-01T10:00Z"),
        ),
        ("after:2023-01-01 after:2024-01-01 x", "x", Filters(after="2024-01-01")),
        ("lang:de language:fr x", "x", Filters(language=("de", "fr"))),
        ("folder:a folder:b", "", Filters(folder=("a", "b"))),
        ("type:error in the log", "type:error in the log", Filters()),
        ("after:lunch", "after:lunch", Filters()),
        ("folder:", "folder:", Filters()),
        ('folder:""', 'folder:""', Filters()),
        ("subfolder:tax", "subfolder:tax", Filters()),
        ("what does  folder: mean", "what does  folder: mean", Filters()),
        ('"folder:tax"', '"folder:tax"', Filters()),
        ("  two  words ", "two  words", Filters()),
    ],
)
def test_filters_are_taken_out_of_a_query(query: str, words: str, filters: Filters) -> None:
    assert parse_query(query) == (words, filters)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            "type:nonsense hello",
            ["type:nonsense: was looked for as a word, not as a filter; types"],
        ),
        ("TYPE:pdf", ["TYPE:pdf: was looked for as a word, not as a filter; types are document, "]),
        ("after:lunch tea", ["after:lunch: was looked for as a word, not as a filter; a date is"]),
        ('before:"next year" tea', ['before:"next year": was looked for as a word, not as a']),
        ("type:a type:a type:b", ["type:a: was", "type:b: was"]),
        (" ".join(f"type:{n}" for n in range(9)), ["type:0: was", "type:1: was", "type:2: was"]),
        (f"type:{'x' * 99}", [f"type:{'x' * 35}…: was looked for"]),
        ("type:image folder:tax after:2024-01-01 hello", []),
        ('type: what folder: path:"" subtype:none', []),
    ],
)
def test_what_only_looks_like_a_filter_is_told(query: str, told: list[str]) -> None:
    said = misread(parse_query(query)[0])
    assert len(said) == len(told)
    assert all(one.startswith(begins) for one, begins in zip(said, told, strict=True)), said


@given(st.text(max_size=80))
def test_any_text_is_a_query(query: str) -> None:
    words, filters = parse_query(query)
    if filters == Filters():
        assert words == query.strip()


def test_of_two_values_for_a_field_the_second_counts() -> None:
    first = Filters(
        type=("text",), folder=("a",), path=("x",), after="1", before="2", language=("de",)
    )
    second = Filters(
        type=("image",), folder=("b",), path=("y",), after="3", before="4", language=("fr",)
    )
    assert combine(first, second) == second
    assert combine(first, Filters()) == first
    assert combine(Filters(), second) == second
    assert combine(Filters(folder=("a",)), Filters(after="1")) == Filters(folder=("a",), after="1")


@pytest.mark.parametrize(("first", "second"), [(0.2, 0.6), (0.6, 0.2), (0.6, 0.0)])
def test_of_two_least_similarities_the_stricter_counts(first: float, second: float) -> None:
    filters = combine(Filters(least_similarity=first), Filters(least_similarity=second))
    assert filters.least_similarity == 0.6


def test_what_a_query_says_never_widens_what_a_program_set() -> None:
    _, written = parse_query("folder:secret budget")
    assert combine(written, Filters(folder=("shared",))).folder == ("shared",)
