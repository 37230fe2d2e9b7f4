from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation import metrics

TEXT = st.text(max_size=60)
RANKED = st.lists(st.sampled_from("abcdefghijkl"), unique=True)
RELEVANT = st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(0, 3))


def test_ndcg_discounts_a_gain_by_the_logarithm_of_its_rank() -> None:
    assert metrics.ndcg(["x", "a"], {"a": 1}) == pytest.approx(1 / math.log2(3))
    assert metrics.ndcg(["b", "a"], {"a": 2, "b": 1}) == pytest.approx(
        (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    )


def test_recall_is_of_as_many_as_the_depth_can_hold() -> None:
    assert metrics.recall(["a", "x"], {"a": 1, "b": 1, "c": 0}, 2) == 0.5
    assert metrics.recall(["a"], {"a": 1, "b": 1}, 1) == 1


def test_the_reciprocal_rank_is_of_the_first_that_is_relevant() -> None:
    assert metrics.reciprocal_rank(["x", "y", "a", "b"], {"a": 1, "b": 1}) == pytest.approx(1 / 3)
    assert metrics.reciprocal_rank(["x", "a"], {"a": 1}, 1) == 0


def test_words_match_whatever_their_case_marks_articles_and_citations() -> None:
    assert metrics.exact_match("The Panthers, in 2015 [1].", "panthers in 2015") == 1
    assert metrics.exact_match("world 's largest", "World's largest") == 1
    assert metrics.exact_match("panthers", "broncos") == 0


def test_f1_counts_the_words_that_are_shared() -> None:
    # 1 of 2 words right, 1 of 3 words found.
    assert metrics.token_f1("red dog", "red cat sleeps") == pytest.approx(2 / 5)
    assert metrics.token_f1("北京大学", "北京") == pytest.approx(2 / 3)


def test_rouge_l_counts_the_longest_subsequence_in_order() -> None:
    assert metrics.rouge_l("one two three four", "two one four") == pytest.approx(4 / 7)


def test_an_answer_holds_a_reference_only_as_words_in_a_row() -> None:
    assert metrics.contains("It was the 308 points of 2015.", "308 points") == 1
    assert metrics.contains("It was 3085 points", "308 points") == 0
    assert metrics.contains("308 good points", "308 points") == 0


def test_the_best_reference_counts() -> None:
    assert metrics.best(metrics.exact_match, "four", ["4", "four"]) == 1
    assert metrics.best(metrics.exact_match, "four", []) == 0


def test_a_quote_is_a_sentence_that_has_other_spaces() -> None:
    assert metrics.same_sentence("It is the world's lake.", "It is the world 's lake .")
    assert metrics.same_sentence("the world's lake", "It is the world 's lake .")
    assert not metrics.same_sentence("", "It is the world 's lake .")


def test_numbers_are_compared_without_separators_and_years_and_small_ones_left_out() -> None:
    text = "In Q3 of 2022, $82,959 million, 43.3%, 12 of 99, and 308, in May 2023."
    assert metrics.numbers(text) == {"82959", "43.3", "308"}


def test_a_share_of_nothing_is_unknown_and_left_out_of_a_mean() -> None:
    assert metrics.share({"a"}, []) is None
    assert metrics.share({"a"}, ["a", "b"]) == 0.5
    assert metrics.mean([None, 1.0, 0.0]) == 0.5
    assert metrics.mean([None]) is None


def test_the_area_under_the_curve_is_how_often_the_order_is_right() -> None:
    assert metrics.area_under_curve([0.9, 0.5], [0.5, 0.1]) == pytest.approx(3.5 / 4)
    assert metrics.area_under_curve([0.9], []) is None


def test_the_interval_of_equal_values_is_that_value() -> None:
    assert metrics.interval([0.25] * 9) == (0.25, 0.25)
    assert metrics.interval([]) == (0, 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_interval_lies_among_the_values_and_is_the_same_again(values: list[float]) -> None:
    low, high = metrics.interval(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert metrics.interval(values) == (low, high)


@given(RANKED, RELEVANT)
def test_rankings_are_rated_between_nothing_and_the_ideal(
    ranked: list[str], relevant: dict[str, int]
) -> None:
    assert 0 <= metrics.ndcg(ranked, relevant) <= 1 + 1e-9
    assert 0 <= metrics.recall(ranked, relevant, 10) <= 1
    ideal = sorted(relevant, key=lambda id_: -relevant[id_])
    assert metrics.ndcg(ideal, relevant) == pytest.approx(float(any(relevant.values())))


@given(TEXT, TEXT)
def test_f1_and_rouge_l_are_symmetric_and_rouge_l_never_the_higher(one: str, other: str) -> None:
    f1, rouge = metrics.token_f1(one, other), metrics.rouge_l(one, other)
    assert f1 == metrics.token_f1(other, one)
    assert rouge == metrics.rouge_l(other, one)
    assert 0 <= rouge <= f1 <= 1


@given(TEXT)
def test_a_text_answers_itself(text: str) -> None:
    for measure in (metrics.exact_match, metrics.token_f1, metrics.rouge_l, metrics.contains):
        assert measure(text, text) == 1
