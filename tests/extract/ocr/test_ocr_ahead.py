"""Several pictures being read at once, in order."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.extract.base import ExtractOptions
from prismd.extract.ocr.ahead import at_once, read_ahead


@given(st.integers(1, 1000))
def test_as_many_are_read_at_once_as_the_settings_say_but_never_many(parallel: int) -> None:
    assert at_once(ExtractOptions(parallel=parallel)) == min(parallel, 8)


def test_unless_it_is_set_the_cores_decide() -> None:
    assert at_once(ExtractOptions()) == min(os.cpu_count() or 1, 8)


@given(st.lists(st.integers()), st.integers(0, 9))
def test_what_is_read_comes_in_order(pictures: list[int], parallel: int) -> None:
    read = read_ahead(pictures, lambda picture: -picture, ExtractOptions(parallel=parallel))
    assert list(read) == [-picture for picture in pictures]


@pytest.mark.parametrize("parallel", [1, 3])
def test_pictures_are_made_in_the_callers_thread_and_few_ahead(parallel: int) -> None:
    made: list[int] = []

    def pictures() -> Iterator[int]:
        for number in range(30):
            assert threading.current_thread() is threading.main_thread()
            made.append(number)
            yield number

    for number in read_ahead(
        pictures(), lambda picture: picture, ExtractOptions(parallel=parallel)
    ):
        assert len(made) <= number + parallel + 1


def test_as_many_as_that_are_read_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=120)
    read = read_ahead(range(6), lambda _: together.wait(), ExtractOptions(parallel=3))
    assert sorted(read) == [0, 0, 1, 1, 2, 2]


def test_what_goes_wrong_does_so_in_its_turn() -> None:
    read = read_ahead([1, 0, 2], lambda picture: 6 // picture, ExtractOptions(parallel=2))
    assert next(read) == 6
    with pytest.raises(ZeroDivisionError):
        next(read)
