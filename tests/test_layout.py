"""Locating ranges of a text in its source."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import ImageLocator, Page, PageLocator, TextLocator, TimeLocator
from prismd.layout import line_index, locate, merge_lines, pack, page_at, unpack

NO_LINES = line_index("")

words = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.integers(0, 3),
        st.floats(0, 500, width=32),
        st.floats(0, 700, width=32),
        st.floats(1, 90, width=32),
        st.floats(1, 20, width=32),
    ),
    min_size=1,
    max_size=60,
)


@given(words)
def test_each_words_own_range_locates_to_its_own_box(
    drawn: list[tuple[int, int, float, float, float, float]],
) -> None:
    starts: list[int] = []
    ends: list[int] = []
    boxes: list[tuple[float, float, float, float]] = []
    at = 0
    for length, gap, x, y, width, height in drawn:
        starts.append(at + gap)
        at += gap + length
        ends.append(at)
        boxes.append((x, y, x + width, y + height))
    layout = pack("page", starts, ends, boxes, [Page(7, 0, at, 612, 792)])
    for start, end, box in zip(starts, ends, boxes, strict=True):
        found = locate(layout, NO_LINES, start, end)
        assert isinstance(found, PageLocator)
        assert found.page == 7
        assert found.boxes == (tuple(float(np.float32(value)) for value in box),)


@given(st.text(alphabet="ab \n\r\u2028é😀"), st.data())
def test_a_text_locator_names_the_lines_that_hold_the_range(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    layout = pack("text", [], [], [])
    found = locate(layout, line_index(text), start, end, ("Part", "Chapter"))
    assert isinstance(found, TextLocator)
    lines = text.split("\n")
    last = max(start, end - 1)
    assert found.line_start == text[:start].count("\n") + 1
    assert found.line_end == text[:last].count("\n") + 1
    assert 1 <= found.line_start <= found.line_end <= len(lines)
    assert text[found.char_start : found.char_end] == text[start:end]
    assert found.heading == ("Part", "Chapter")


def test_words_of_one_line_are_one_box_and_a_new_line_is_another() -> None:
    line = [(10, 10, 40, 20), (44, 10, 80, 20), (84, 11, 120, 21)]
    below = [(10, 24, 40, 34), (44, 24, 60, 34)]
    assert merge_lines([*line, *below]) == ((10, 10, 120, 21), (10, 24, 60, 34))


def test_two_columns_at_the_same_height_stay_apart() -> None:
    assert len(merge_lines([(10, 700, 200, 710), (320, 700, 380, 710)])) == 2


def test_words_read_right_to_left_are_one_line() -> None:
    assert merge_lines([(100, 10, 140, 20), (60, 10, 96, 20)]) == ((60, 10, 140, 20),)


def test_a_part_of_a_word_locates_to_the_word() -> None:
    layout = pack("page", [0, 6], [5, 11], [(0, 0, 50, 10), (55, 0, 99, 10)], [PAGE])
    found = locate(layout, NO_LINES, 8, 9)
    assert isinstance(found, PageLocator)
    assert found.boxes == ((55, 0, 99, 10),)


PAGE = Page(1, 0, 20, 612, 792)


def test_a_range_without_words_has_its_page_and_no_box() -> None:
    layout = pack("page", [0], [5], [(0, 0, 50, 10)], [PAGE, Page(2, 22, 30, 600, 800)])
    assert locate(layout, NO_LINES, 22, 24) == PageLocator(2, (), 600, 800)


def test_pages_without_text_are_passed_over() -> None:
    pages = [Page(1, 0, 5, 1, 1), Page(2, 5, 5, 1, 1, "picture"), Page(3, 7, 9, 1, 1)]
    layout = pack("page", [], [], [], pages)
    assert [page_at(layout, at).number for at in (0, 4, 5, 6, 7, 8, 99)] == [1, 1, 3, 3, 3, 3, 3]


def test_an_image_is_located_in_whole_pixels() -> None:
    layout = pack("image", [0], [4], [(3, 4, 30, 40)], [Page(1, 0, 4, 640, 480)])
    assert locate(layout, NO_LINES, 0, 4) == ImageLocator(((3, 4, 30, 40),), 640, 480)


def test_a_recording_is_located_from_its_first_to_its_last_word() -> None:
    layout = pack("time", [0, 5, 9], [4, 8, 12], [(0.5, 1), (1, 1.5), (4, 5)])
    assert locate(layout, NO_LINES, 5, 12) == TimeLocator(1, 5)
    assert locate(layout, NO_LINES, 4, 5) == TimeLocator(1, 1)
    assert locate(pack("time", [], [], []), NO_LINES, 0, 0) == TimeLocator(0, 0)


@pytest.mark.parametrize(
    ("starts", "ends"), [([4, 0], [8, 3]), ([0, 2], [3, 5]), ([1], [1]), ([0], [1, 2])]
)
def test_spans_out_of_order_are_refused(starts: list[int], ends: list[int]) -> None:
    with pytest.raises(ValueError, match=r"spans|starts"):
        pack("page", starts, ends, [(0, 0, 1, 1)] * len(starts))


def test_packing_is_undone_by_unpacking() -> None:
    layout = pack("page", [0, 6], [5, 11], [(0, 0, 50, 10), (55, 0, 99.5, 10)], [PAGE])
    spans = unpack(layout)
    assert spans.starts.tolist() == [0, 6]
    assert spans.ends.tolist() == [5, 11]
    assert spans.boxes.tolist() == [[0, 0, 50, 10], [55, 0, 99.5, 10]]


def test_a_layout_without_pages_cannot_be_asked_for_one() -> None:
    with pytest.raises(ValueError, match="without pages"):
        page_at(pack("page", [], [], []), 0)
