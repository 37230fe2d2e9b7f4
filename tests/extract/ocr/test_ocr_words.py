"""From found words to lines and blocks, whichever way up the picture is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Box
from prismd.extract.ocr.page import OcrBlock
from prismd.extract.ocr.words import (
    FoundWord,
    blocks,
    confidence,
    letters,
    rotation,
    scaled,
    turned,
    worth,
)

WIDTH, HEIGHT = 1000.0, 700.0
TURNS = [0, 90, 180, 270]

boxes = st.tuples(
    st.floats(0, WIDTH), st.floats(0, HEIGHT), st.floats(0, WIDTH), st.floats(0, HEIGHT)
).map(lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])))


def size(turn: int) -> tuple[float, float]:
    return (WIDTH, HEIGHT) if turn % 180 == 0 else (HEIGHT, WIDTH)


@given(boxes, st.sampled_from(TURNS))
def test_a_box_that_is_turned_and_turned_back_is_where_it_was(box: Box, turn: int) -> None:
    there = turned(box, turn, WIDTH, HEIGHT)
    assert turned(there, -turn % 360, *size(turn)) == pytest.approx(box, abs=1e-9)


@given(boxes, st.sampled_from(TURNS))
def test_a_turned_box_lies_on_the_turned_picture(box: Box, turn: int) -> None:
    x0, y0, x1, y1 = turned(box, turn, WIDTH, HEIGHT)
    width, height = size(turn)
    assert 0 <= x0 <= x1 <= width
    assert 0 <= y0 <= y1 <= height


def test_a_quarter_turn_takes_the_upper_left_to_the_upper_right() -> None:
    assert turned((0, 0, 10, 5), 90, 100, 50) == (45, 0, 50, 10)
    assert turned((0, 0, 10, 5), 270, 100, 50) == (0, 90, 5, 100)


@given(boxes, st.floats(0.1, 4), st.floats(0.1, 4))
def test_a_scaled_box_stays_on_the_picture(box: Box, across: float, down: float) -> None:
    x0, y0, x1, y1 = scaled(box, across, down, 800, 600)
    assert 0 <= x0 <= x1 <= 800
    assert 0 <= y0 <= y1 <= 600


def line(
    text: str, *, at: tuple[int, int, int] = (1, 1, 1), y: float = 100, sure: float = 95
) -> list[FoundWord]:
    return [
        FoundWord(word, (50 + 60 * n, y, 100 + 60 * n, y + 20), sure, at)
        for n, word in enumerate(text.split())
    ]


def turn_all(words: list[FoundWord], turn: int) -> list[FoundWord]:
    return [
        FoundWord(w.text, turned(w.box, turn, WIDTH, HEIGHT), w.confidence, w.line) for w in words
    ]


def texts(found: tuple[OcrBlock, ...]) -> list[str]:
    return [block.text for block in found]


PAGE = [
    *line("Seven words make a long enough line", at=(1, 1, 1)),
    *line("and seven more words follow it here", at=(1, 1, 2), y=130),
    *line("A second paragraph of the same block", at=(1, 2, 1), y=180),
    *line("another column of text stands beside it", at=(2, 1, 1), y=100),
]


def test_lines_of_one_paragraph_are_one_block_in_the_order_of_the_engine() -> None:
    assert texts(blocks(PAGE)) == [
        "Seven words make a long enough line\nand seven more words follow it here",
        "A second paragraph of the same block",
        "another column of text stands beside it",
    ]


def test_a_line_is_as_large_as_its_words() -> None:
    (block,) = blocks(line("two words that are confidently read"))
    assert block.lines[0].box == (50, 100, 400, 120)


@pytest.mark.parametrize("turn", TURNS)
def test_the_lines_tell_how_far_the_picture_must_be_turned(turn: int) -> None:
    assert rotation(blocks(turn_all(PAGE, turn))) == -turn % 360


def test_right_to_left_lines_are_upright_all_the_same() -> None:
    words = line("שלום לכל העולם הגדול")
    mirrored = [
        FoundWord(w.text, (WIDTH - w.box[2], w.box[1], WIDTH - w.box[0], w.box[3]), 95, w.line)
        for w in words
    ]
    assert rotation(blocks(mirrored)) == 0


def test_nothing_needs_no_turning() -> None:
    assert rotation(()) == 0


@given(
    st.lists(
        st.builds(
            FoundWord,
            st.text(max_size=8),
            boxes,
            st.floats(-1, 100),
            st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
        ),
        max_size=30,
    )
)
def test_what_is_kept_is_sure_enough_printable_and_somewhere(found: list[FoundWord]) -> None:
    for block in blocks(found):
        assert block.lines
        for each in block.lines:
            assert letters(each.words)
            for word in each.words:
                assert word.confidence >= 30
                assert word.text.split() == [word.text]
                assert word.text.isprintable()
                assert word.box[0] < word.box[2]
                assert word.box[1] < word.box[3]


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("| — ~ .", 95.0),  # rules and specks
        ("il J ay", 60.0),  # leaves and railings
        ("wi", 80.0),  # two letters need more than that
        ("= 7 ay IT", 80.0),
    ],
)
def test_noise_on_a_photograph_is_no_text(text: str, sure: float) -> None:
    assert blocks(line(text, sure=sure)) == ()


def test_a_sign_on_a_photograph_is_text() -> None:
    assert texts(blocks(line("BRANDYWINE RIVER MUSEUM", sure=90))) == ["BRANDYWINE RIVER MUSEUM"]
    assert texts(blocks(line("180", sure=94))) == ["180"]
    assert texts(blocks(line("出 口 通 道", sure=80))) == ["出 口 通 道"]


def test_on_a_page_of_text_a_faded_line_is_kept() -> None:
    faded = line("hardly legible words", at=(9, 1, 1), y=500, sure=55)
    assert blocks(faded) == ()
    assert texts(blocks([*PAGE, *faded]))[-1] == "hardly legible words"


def test_the_better_reading_is_worth_more() -> None:
    upright = blocks(line("Docling bundles document conversion"))
    turned_over = blocks(line("jjes ue Ul", sure=75))
    assert worth(upright) > worth(turned_over) > worth(()) == 0
    assert confidence(upright[0].lines[0].words) == pytest.approx(95)
