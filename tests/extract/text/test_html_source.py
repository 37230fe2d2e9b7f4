"""HTML is kept within what a parser gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from prismd.extract.text.html_source import limited

PIECES = st.sampled_from(
    [
        *("<div>", "</div>", "<p>", "<b>", "</b>", "<td class='a>b'>", "<br/>", "<li>", "</ul>"),
        *("<script>if (a<b) '</div>'</script>", "<!-- <div> -->", "word", " it's ", "<", "<a b=c"),
        *('<img alt="x > y">', "</", "<ul>", "<table>", "<tr>"),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_what_is_within_the_limits_stays_as_it_is(source: str) -> None:
    assert limited(source) == source


def depth(source: str) -> int:
    most, level = 0, [LexborHTMLParser(source).body]
    while level:
        most += 1
        level = [child for node in level if node is not None for child in node.iter()]
    return most


@pytest.mark.parametrize(
    "mark", ["<div>", "<table><tr><td>", "<ul><li>", "<b>", "<div><span>", "<x-y>", "<DIV>"]
)
def test_nothing_nests_without_end(mark: str) -> None:
    source = mark * 5000
    assert depth(limited(source)) < 3000
    assert depth(source) > 4000


@pytest.mark.parametrize(
    "before", ["<!-->", "<!--->", "<!-- a --!>", "<svg><title/></svg>", "<svg><style/></svg>"]
)
def test_nothing_said_before_switches_the_limits_off(before: str) -> None:
    source = before + "<div>" * 5000
    assert depth(limited(source)) < 600
    assert depth(source) > 4000


def test_a_drawing_takes_nothing_from_what_follows_it() -> None:
    drawing = "<svg>" + '<path d="M0 0"/><circle r="1" />' * 600 + "</svg>"
    source = f"<p>before</p>{drawing}<table><tr><td>cell</td></tr></table><pre>code</pre>"
    tree = LexborHTMLParser(limited(source))
    assert [node.text() for node in tree.css("td, pre")] == ["cell", "code"]
    assert len(tree.css("svg > path")) == 600


def test_text_marks_that_nobody_closes_are_not_opened_anew_for_ever() -> None:
    source = "".join(f"<p><font id=f{n}>x</p>" for n in range(600))
    nodes = LexborHTMLParser(limited(source)).css("font")
    assert len(nodes) < 32 * 601
    assert len(LexborHTMLParser(source).css("font")) > 100_000


def test_marks_that_are_closed_are_all_kept() -> None:
    source = "<p><b>x</b></p><ul><li>y</ul>" * 3000
    assert limited(source) == source


def test_a_tag_of_countless_attributes_has_none() -> None:
    many = " ".join(f"a{n}=1" for n in range(5000))
    assert limited(f"<p {many}>x</p>") == "<p>x</p>"
    assert limited(f"<p {many}") == "<p"


def test_a_picture_within_a_tag_is_no_attributes() -> None:
    source = f'<img alt="x" src="data:image/png;base64,{"ab/ c+d=" * 9000}">'
    assert limited(source) == source


def test_dropped_elements_keep_their_text_apart() -> None:
    assert re.search(r"600<br>601<br>602", limited("".join(f"<div>{n}" for n in range(700))))
