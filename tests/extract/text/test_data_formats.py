"""CSV, JSON and notebooks: kept as they are, with names of columns and keys as context."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.steps import listening

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("name", "content", "heading"),
    [
        ("a.csv", "Name,City\nAnn,Bonn\n", ("Name | City",)),
        ("a.csv", "Name;City, Country\nAnn;Bonn, DE\n", ("Name | City, Country",)),
        ("a.csv", "Name|City\nAnn|Bonn\n", ("Name | City",)),
        ("a.tsv", "Name\tCity, Country\nAnn\tBonn, DE\n", ("Name | City, Country",)),
        ("a.csv", '"Na;me",City\n"A;B","Bo\nnn"\n', ("Na;me | City",)),
        ("a.csv", "A report\nName,City\nAnn,Bonn\nBen,Rome\n", ("Name | City",)),
        ("a.csv", "Ann,17\nBen,18\n", ()),
        ("a.csv", "just one column\nof text\n", ()),
        ("a.csv", "Name,City\n", ()),
    ],
)
def test_the_names_of_columns_are_context(
    read: Read, name: str, content: str, heading: tuple[str, ...]
) -> None:
    extraction = read(name, content)
    assert extraction.text == content
    assert [(b.kind, b.heading) for b in extraction.blocks] == [("table", heading)]


def test_many_names_of_columns_are_cut(read: Read) -> None:
    head = ",".join(f"column {n}" for n in range(99))
    (heading,) = read("a.csv", f"{head}\n{',x' * 98}\n").blocks[0].heading
    assert heading.startswith("column 0 | column 1 |")
    assert heading.endswith("…")
    assert len(heading) < 260


def test_a_table_in_an_old_encoding_is_read(read: Read) -> None:
    content = "Name;Größe\nJürgen;groß\n".encode("cp1252")
    assert read("a.csv", content).blocks[0].heading == ("Name | Größe",)


def test_small_json_is_one_block_of_its_members(read: Read, outline: Outline) -> None:
    assert outline(read("a.json", '{"a": 1, "b": [2, 3]}\n')) == [
        ("code", "", '"a": 1, "b": [2, 3]')
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_large_json_is_cut_at_its_members_under_their_keys(read: Read, indent: int | None) -> None:
    people = [{"name": f"Person {n}", "about": "words " * 50} for n in range(20)]
    extraction = read(
        "a.json", json.dumps({"team": {"people": people}, "total": 20}, indent=indent)
    )
    for n in range(20):
        (block,) = (
            b for b in extraction.blocks if f'"Person {n}"' in extraction.text[b.start : b.end]
        )
        assert block.heading == ("team", "people")
        assert block.end - block.start < 1300


def test_letters_written_as_escapes_are_found(read: Read) -> None:
    written = {"Größe": "naïve 😀", "kept": 'quote " slash \\u00e9 line \n half \ud83d'}
    text = read("a.json", json.dumps(written)).text
    assert '"Größe": "naïve 😀"' in text
    assert json.loads(text) == written


def test_json_lines_are_cut_by_their_lines(read: Read, outline: Outline) -> None:
    lines = '{"id": 1}\n{"id": 2}\n'
    assert outline(read("a.jsonl", lines)) == [("code", "", lines.strip())]


@given(json_values, st.sampled_from([None, 1]), st.booleans())
def test_every_word_of_json_is_in_a_block(
    read: Read, value: object, indent: int | None, escaped: bool
) -> None:
    source = json.dumps(value, indent=indent, ensure_ascii=escaped)
    # Half of a pair of surrogates is no text that could be written to a file.
    source = source.encode("utf-8", "replace").decode()
    try:
        extraction = read("a.json", source)
    except ExtractError as error:
        assert error.code == "empty"
        return
    covered = "".join(extraction.text[b.start : b.end] for b in extraction.blocks)
    assert list(filter(str.isalnum, covered)) == list(filter(str.isalnum, extraction.text))


@given(st.text('{}[],:"\\u0\n a', max_size=60))
def test_no_text_upsets_the_reader_of_json(read: Read, text: str) -> None:
    try:
        extraction = read("a.json", text)
    except ExtractError as error:
        assert error.code == "empty"
    else:
        assert extraction.text.count("\n") == text.count("\n")


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": "python"}}})


def test_a_notebook_is_read_cell_by_cell(read: Read, outline: Outline) -> None:
    stream = {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"]}
    table = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    data = {"output_type": "display_data", "data": {"text/html": table, "text/plain": "a b"}}
    error = {"output_type": "error", "ename": "ValueError", "evalue": "bad duck"}
    extraction = read(
        "a.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# The *Title*\n", "\n", "text"]},
            {"cell_type": "code", "source": "run()", "outputs": [stream, data, error]},
            {"cell_type": "raw", "source": "as it is"},
        ),
    )
    title = "The *Title*"
    assert extraction.title == title
    assert extraction.metadata == {"programming_language": "python"}
    assert outline(extraction) == [
        ("heading", "", title),
        ("paragraph", title, "text"),
        ("code", title, "run()"),
        ("code", title, "red"),
        ("table", title, "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("code", title, "ValueError: bad duck"),
        ("paragraph", title, "as it is"),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (notebook(), "empty"),
        ("{}", "broken"),
        ('{"cells": [', "broken"),
        ('{"cells": ' + "[" * 50_000 + "]" * 50_000 + "}", "broken"),
    ],
    ids=["empty", "no cells", "torn", "deep"],
)
def test_bad_notebooks_say_what_is_wrong(read: Read, content: str, code: str) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.ipynb", content)
    assert error.value.code == code


@pytest.mark.parametrize("content", ["[" * 300_000, "[" * 300_000 + "1" + "]" * 300_000])
def test_json_of_any_depth_is_kept(read: Read, content: str) -> None:
    assert read("a.json", f"{content} word").text.endswith("word")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", "[" + "1," * 200_000 + "1]"), ("a.csv", "a,b\n" * 1000)],
)
def test_progress_of_long_data_is_told(read: Read, name: str, content: str) -> None:
    heard: list[tuple[int, int]] = []
    with listening(lambda done, total: heard.append((done, total))):
        read(name, content)
    assert len(heard) >= 3
    assert {total for _, total in heard} == {len(content)}
    assert heard == sorted(heard)
