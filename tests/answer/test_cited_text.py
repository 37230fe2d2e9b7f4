from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prismd.answer.citation import Attribution, attribute, source
from prismd.answer.cited_text import CitedText

SOURCES = [
    source(1, "The library opens at 9 am. It is closed on Sundays."),
    source(2, "The ferry takes 40 minutes. Bicycles travel free of charge."),
]
MARK = re.compile(r"[ \t]*\[(\d+)\]")
PIECES = st.lists(
    st.sampled_from(
        [
            "The library opens at 9 am.",
            "It is closed on Sundays.",
            "The ferry takes 40 minutes",
            " [1]",
            "[2].",
            "[3]",
            "[9, 1]",
            "[[1]2]",
            "[",
            "]",
            " ",
            "  ",
            "\n",
            "\n\n",
            "Dr. Smith",
            "in the U.S. Army.",
            "e.g. this",
            "3.5",
            "!",
            "?",
            '"Quoted."',
            "Zebras gallop.",
            "- item",
            "日本語です。次の文。",
            "\U0001f600",
            "a",
            ".",
        ]
    ),
    max_size=12,
).map("".join)


def cite(sentence: str, claimed: Sequence[int]) -> list[Attribution]:
    assert sentence == sentence.strip() != ""
    return attribute(sentence, SOURCES, None, claimed)


def write(pieces: Sequence[str]) -> tuple[CitedText, str]:
    cited = CitedText(cite)
    sent = [out for piece in pieces for out in cited.feed(piece)]
    sent += list(cited.finish())
    assert "" not in sent
    return cited, "".join(sent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is closed on Sundays.", "It is closed on Sundays. [1]"),
        ("It is closed on Sundays. [1]", "It is closed on Sundays. [1]"),
        ("It is closed on Sundays [1].", "It is closed on Sundays. [1]"),
        ("It is closed on Sundays [7].", "It is closed on Sundays. [1]"),
        (
            "It is closed on Sundays. Bicycles travel free of charge.",
            "It is closed on Sundays. [1] Bicycles travel free of charge. [2]",
        ),
        (
            "It is closed on Sundays.\n\n- Bicycles travel free of charge.\n",
            "It is closed on Sundays. [1]\n\n- Bicycles travel free of charge. [2]",
        ),
        ("Zebras gallop.", "Zebras gallop."),
        ("Zebras gallop [2].", "Zebras gallop. [2]"),
        ("Zebras gallop [3].", "Zebras gallop."),
        ("", ""),
        (" \n ", ""),
        ("It is closed on Sundays [", "It is closed on Sundays [ [1]"),
    ],
)
def test_marks_follow_their_sentences(text: str, expected: str) -> None:
    for pieces in ([text], list(text), re.findall(r"\s*\S+|\s+", text)):
        cited, sent = write(pieces)
        assert cited.text == sent == expected


IMAGE = "![pic](http://evil.example/x.png?q=1)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (IMAGE, "!\\[pic](http://evil.example/x.png?q=1)"),
        ("Zebras![7][pic](http://evil)", "Zebras!\\[pic](http://evil)"),
        ("Zebras ![pic][evil] gallop!", "Zebras !\\[pic][evil] gallop!"),
        (
            "It is closed on Sundays. ![pic](http://evil)",
            "It is closed on Sundays. [1] !\\[pic](http://evil)",
        ),
        ("Zebras! [pic](http://evil)", "Zebras! [pic](http://evil)"),
    ],
)
def test_no_answer_makes_its_reader_fetch_a_picture(text: str, expected: str) -> None:
    for pieces in ([text], list(text)):
        cited, sent = write(pieces)
        assert cited.text == sent == expected
        for sentence in cited.sentences:
            held = cited.text[sentence.start : sentence.end]
            assert held == held.strip() != ""
    cited = CitedText(cite)
    sent = "".join([*cited.add("Look!"), *cited.add("[1]"), *cited.quote(IMAGE, [])])
    assert not re.search(r"!\[", sent)
    assert sent == cited.text


@given(PIECES)
def test_pictures_are_kept_out_however_the_text_is_cut(text: str) -> None:
    assert "![" not in write(list(text))[1]


def test_text_goes_out_as_it_comes() -> None:
    cited = CitedText(cite)
    assert list(cited.feed("It is")) == ["It is"]
    assert list(cited.feed(" closed")) == [" closed"]
    assert list(cited.feed(" on Sundays.")) == [" on Sundays."]
    assert list(cited.feed(" ")) == []
    assert list(cited.feed("[")) == []
    assert list(cited.feed("1]")) == []
    assert list(cited.feed(" Next")) == [" [1] Next"]


def test_a_sentence_knows_where_it_stands_and_what_it_rests_on() -> None:
    cited, _ = write(["It is closed on Sundays. Zebras gallop. The ferry takes 40 minutes."])
    told = [
        (cited.text[s.start : s.end], [a.n for a in s.attributions], s.support)
        for s in cited.sentences
    ]
    assert told == [
        ("It is closed on Sundays.", [1], "exact"),
        ("Zebras gallop.", [], "none"),
        ("The ferry takes 40 minutes.", [2], "exact"),
    ]


@settings(max_examples=400, deadline=None)
@given(PIECES, st.lists(st.integers(0, 200), max_size=12))
@example("Dr. Smith \n [1]", [])
def test_what_comes_out_does_not_hang_on_how_the_text_is_cut(text: str, cuts: list[int]) -> None:
    borders = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    whole, sent = write([text])
    for pieces in ([text[a:b] for a, b in pairwise(borders)], list(text)):
        cited, streamed = write(pieces)
        assert streamed == cited.text == whole.text == sent
        assert cited.sentences == whole.sentences


@settings(max_examples=400, deadline=None)
@given(PIECES)
def test_only_true_numbers_leave_and_the_rest_of_the_text_is_as_it_was(text: str) -> None:
    cited, _ = write([text])
    for marker in re.finditer(r"[\[【]\s*(\d+)\s*[\]】]", cited.text):
        assert int(marker[1]) in (1, 2)
    previous = 0
    for sentence in cited.sentences:
        assert previous <= sentence.start < sentence.end <= len(cited.text)
        previous = sentence.end
        held = cited.text[sentence.start : sentence.end]
        assert held == held.strip()
        assert {a.n for a in sentence.attributions} <= {1, 2}
    assert bare(cited.text.replace("!\\[", "![")) == bare(text)


def bare(text: str) -> str:
    """A text without markers, whatever way they are written, and without blanks."""
    text = re.sub(r"\s", "", text)
    while (less := re.sub(r"\[\d+(?:,\d+)*\]", "", text)) != text:
        text = less
    return text
