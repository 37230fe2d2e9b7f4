"""Plain text, reStructuredText, Markdown and source code stay as they are, structure found."""

from __future__ import annotations

import codecs
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.decode import decode, looks_like_text

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

# Zeros at every other byte are UTF-16, whoever wrote them; other tests look at those.
any_text = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=400)


def test_a_stray_zero_does_not_make_utf8_into_utf16() -> None:
    assert decode("\0ࠀ".encode())[0].endswith("ࠀ")


@given(any_text)
def test_utf8_is_decoded_as_it_is_but_for_newlines_and_controls(text: str) -> None:
    decoded, warnings = decode(text.encode())
    unix = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    assert decoded.count("\n") == unix.count("\n")
    assert all(a == b or (ord(a) < 32 or a == "\x7f") for a, b in zip(unix, decoded, strict=True))
    assert not warnings


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_unicode_encodings_are_known_with_and_without_mark(mark: bytes, encoding: str) -> None:
    text = "Grüße aus Zürich, naïve façade\nSecond line\n"
    assert looks_like_text(mark + text.encode(encoding))
    assert decode(mark + text.encode(encoding)) == (text, ())


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Größe über alles, façade déjà vu – “quoted”"),
        ("cp1251", "Привет, мир! Это обычный русский текст, набранный в старой кодировке."),
        ("shift_jis", "これは日本語の文章です。文字コードを推測します。" * 5),
    ],
)
def test_old_encodings_are_guessed_and_said_to_be(encoding: str, text: str) -> None:
    decoded, warnings = decode(text.encode(encoding))
    assert decoded == text
    assert "guessed" in warnings[0]


def test_a_few_bad_bytes_do_not_change_the_encoding() -> None:
    data = "Zürich ".encode() * 100 + b"\xff"
    decoded, warnings = decode(data)
    assert decoded == "Zürich " * 100 + "\ufffd"
    assert warnings == ("1 places are not valid UTF-8 and are shown as \ufffd",)


def test_plain_text_is_cut_into_paragraphs_at_empty_lines(read: Read, outline: Outline) -> None:
    extraction = read("a.txt", "One\r\ntwo  \r\n\r\n \r\nThree\r\n")
    assert extraction.text == "One\ntwo  \n\n \nThree\n"
    assert outline(extraction) == [("paragraph", "", "One\ntwo"), ("paragraph", "", "Three")]


@pytest.mark.parametrize("content", ["", " \n\t\n", b"\xef\xbb\xbf\n", b"\x00" * 50])
def test_a_file_of_nothing_is_empty(read: Read, content: bytes | str) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.txt", content)
    assert error.value.code == "empty"
    assert error.value.skip


def test_a_text_beyond_the_limit_is_cut_and_says_so(read: Read) -> None:
    extraction = read("a.txt", "word " * 100, max_chars=42)
    assert len(extraction.text) == 42
    assert extraction.warnings == ("only its first 42 characters are indexed",)


def test_restructured_text_has_its_titles_as_headings(read: Read, outline: Outline) -> None:
    source = (
        "=====\nTitle\n=====\n\nIntro.\n\nPart\n----\nRight below.\n\n"
        "Sub\n~~~\n\nX.\n\nLast\n----\n"
    )
    extraction = read("a.rst", source)
    assert extraction.title == "Title"
    assert outline(extraction) == [
        ("heading", "", "Title"),
        ("paragraph", "Title", "Intro."),
        ("heading", "Title", "Part"),
        ("paragraph", "Title > Part", "Right below."),
        ("heading", "Title > Part", "Sub"),
        ("paragraph", "Title > Part > Sub", "X."),
        ("heading", "Title", "Last"),
    ]


MARKDOWN = """---
title: "The Report"
author: Ann
---
# Main *title* with [link](http://x.example)

Para one
goes on.

- item a
  - item b

| a | b |
|---|---|
| 1 | 2 |

Second
------

```python
# not a heading
```

> quoted

# Other
"""


def test_markdown_is_verbatim_with_headings_lists_tables_and_code(
    read: Read, outline: Outline
) -> None:
    extraction = read("a.md", MARKDOWN)
    assert extraction.text == MARKDOWN
    assert extraction.title == "The Report"
    assert extraction.metadata == {"author": "Ann"}
    main = "Main title with link"
    assert [(kind, path) for kind, path, _ in outline(extraction)] == [
        ("note", ""),
        ("heading", ""),
        ("paragraph", main),
        ("list", main),
        ("table", main),
        ("heading", main),
        ("code", f"{main} > Second"),
        ("paragraph", f"{main} > Second"),
        ("heading", ""),
    ]


def test_markdown_with_windows_newlines_has_the_same_lines(read: Read, outline: Outline) -> None:
    extraction = read("a.md", "# A\r\n\r\ntext\r\n")
    assert outline(extraction) == [("heading", "", "# A"), ("paragraph", "A", "text")]
    assert extraction.title == "A"


PYTHON = '''"""Doc."""
import os


@decorator
class Foo(Base):
    attr = 1

    # about bar
    def bar(
        self,
    ) -> int:
        return 2


def top():
    return Foo()


if __name__ == "__main__":
    top()
'''


def test_definitions_are_the_headings_of_source_code(read: Read, outline: Outline) -> None:
    extraction = read("a.py", PYTHON)
    assert extraction.metadata == {"programming_language": "Python"}
    assert [(path, text.split("\n")[0].strip()) for _, path, text in outline(extraction)] == [
        ("", '"""Doc."""'),
        ("class Foo", "@decorator"),
        ("class Foo > def bar", "# about bar"),
        ("def top", "def top():"),
        ("", 'if __name__ == "__main__":'),
    ]


@pytest.mark.parametrize(
    ("name", "source", "headings"),
    [
        ("a.rs", "impl P {\n    pub fn new() -> P {\n        P\n    }\n}\n", ["impl P > fn new"]),
        ("a.c", "int add(int a);\n\nint add(int a)\n{\n    return a;\n}\n", ["add()"]),
        ("a.go", "package main\n\nfunc Run() {\n}\n", ["func Run"]),
        ("a.js", "export class A {\n}\n\nfunction f() {\n}\n", ["class A", "function f"]),
    ],
)
def test_definitions_of_other_languages(
    read: Read, name: str, source: str, headings: list[str]
) -> None:
    found = {" > ".join(block.heading) for block in read(name, source).blocks}
    assert set(headings) <= found


def test_code_that_no_person_wrote_is_kept_without_looking_into_it(read: Read) -> None:
    extraction = read("a.js", "function f(a){return a};" * 10_000)
    assert [(b.kind, b.heading) for b in extraction.blocks] == [("code", ())]


@given(st.sampled_from(["a.md", "a.rst", "a.py", "a.c", "a.html", "a.csv"]), any_text)
def test_no_text_upsets_an_extractor(read: Read, name: str, text: str) -> None:
    try:
        extraction = read(name, text)
    except ExtractError as error:
        assert error.code in {"empty", "unsupported"}
    else:
        assert extraction.blocks


@pytest.mark.parametrize("signs", ["*a_", "![a](", "\\", "<a "])
def test_a_heading_without_end_is_cut_in_the_path(read: Read, signs: str) -> None:
    extraction = read("a.md", f"# Begin {signs * 200_000}\n\ntext\n")
    assert extraction.blocks[-1].heading[0].startswith("Begin")
    assert len(extraction.blocks[-1].heading[0]) <= 1000
