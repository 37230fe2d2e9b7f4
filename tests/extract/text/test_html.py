"""HTML is read as a reader sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prismd.domain import Extraction
from prismd.errors import ExtractError

Read = Callable[..., Extraction]
Blocks = Callable[[str], list[tuple[str, str, str]]]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html lang='en-GB'><head>{head}</head><body>{body}</body></html>"


@pytest.fixture
def blocks(read: Read, outline: Outline) -> Blocks:
    return lambda body: outline(read("a.html", page(body)))


def test_headings_paragraphs_and_entities(blocks: Blocks) -> None:
    body = "<h1>A &amp; B</h1><p>One <b>bold</b>\n  text<br>next</p><h2>Sub</h2>loose<div>x</div>"
    assert blocks(body) == [
        ("heading", "", "A & B"),
        ("paragraph", "A & B", "One bold text\nnext"),
        ("heading", "A & B", "Sub"),
        ("paragraph", "A & B > Sub", "loose"),
        ("paragraph", "A & B > Sub", "x"),
    ]


def test_what_is_not_shown_or_not_content_is_left_out(blocks: Blocks) -> None:
    body = (
        "<nav>menu</nav><script>var x</script><style>p{}</style><p hidden>no</p>"
        "<div style='display: none'>no</div><template>no</template><!-- no --><p>yes</p>"
    )
    assert blocks(body) == [("paragraph", "", "yes")]


def test_lists_are_one_block_with_markers_and_depth(blocks: Blocks) -> None:
    body = "<ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul><ol start=3><li>x<li>y</ol>"
    assert blocks(body) == [("list", "", "- a\n  - b\n- c"), ("list", "", "3. x\n4. y")]


def test_tables_are_markdown_with_merged_cells_once(blocks: Blocks) -> None:
    body = (
        "<table><caption>Cap</caption><tr><th>a<th>b|c<th>d</tr>"
        "<tr><td rowspan=2>1<td colspan=2>2</tr><tr><td>3<td>4</tr></table>"
    )
    assert blocks(body) == [
        ("caption", "", "Cap"),
        ("table", "", "| a | b\\|c | d |\n| --- | --- | --- |\n| 1 | 2 |  |\n|  | 3 | 4 |"),
    ]


def test_a_table_that_only_places_things_is_read_through(blocks: Blocks) -> None:
    body = "<table><tr><td><h1>T</h1><p>one</p></td><td>two</td></tr></table>"
    assert blocks(body) == [
        ("heading", "", "T"),
        ("paragraph", "T", "one"),
        ("paragraph", "T", "two"),
    ]


def test_preformatted_text_keeps_its_lines(blocks: Blocks) -> None:
    assert blocks("<pre>\n  a\n    b\n</pre>") == [("code", "", "  a\n    b")]


def test_title_language_author_and_description(read: Read) -> None:
    head = (
        "<title> The\nTitle </title><meta name=author content=Ann><meta name=Description content=D>"
    )
    extraction = read("a.html", page("<p>x</p>", head))
    assert extraction.title == "The Title"
    assert extraction.language == "en-GB"
    assert extraction.metadata == {"author": "Ann", "subject": "D"}


def test_the_declared_charset_counts_where_utf8_does_not_fit(read: Read) -> None:
    source = page("<p>Привет, мир</p>", "<meta charset='windows-1251'>").encode("cp1251")
    extraction = read("a.html", source)
    assert extraction.text == "Привет, мир"
    assert not extraction.warnings


def test_deep_nesting_does_not_end_in_recursion(read: Read) -> None:
    assert read("a.html", "<html><body>" + "<div><ul><li>" * 3000 + "x").text.strip().endswith("x")


def test_a_page_without_text_is_empty(read: Read) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.html", page("<img src=x>"))
    assert error.value.code == "empty"


def deep(mark: str, count: int) -> str:
    return page(mark * count + "end")


@pytest.mark.parametrize(
    "mark", ["<table><tr><td>", "<dl><dt>a<dd>b", "<table><caption>a<table>", "<a><b>x<p>"]
)
def test_however_deep_a_page_goes_it_is_read_to_its_end(read: Read, mark: str) -> None:
    assert read("a.html", deep(mark, 50_000)).text.endswith("end")


def test_text_that_nests_too_deeply_is_kept(read: Read) -> None:
    body = "".join(f"<div>w{n}" for n in range(2000))
    assert read("a.html", page(body)).text.split() == [f"w{n}" for n in range(2000)]


def test_a_table_around_many_others_only_places_them(blocks: Blocks) -> None:
    body = "<table><tr><td>x<td>y" * 40 + "<table><tr><td>a<td>b</table>"
    assert blocks(body)[-1] == ("table", "", "| a | b |\n| --- | --- |")


@pytest.mark.parametrize("inner", ["<h2>z</h2>", "<pre>z</pre>", "<table></table>"])
def test_a_table_that_holds_structure_is_no_table(blocks: Blocks, inner: str) -> None:
    body = f"<table><tr><td>a<td>b<tr><td>c<td>{inner}</table>"
    assert "table" not in [kind for kind, _, _ in blocks(body)]
