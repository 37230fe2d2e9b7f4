"""Outlook's messages are read as the mail that they are."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.domain import Extraction
from prismd.errors import ExtractError
from tests.extract.compound import Tree, compound_file

Read = Callable[..., Extraction]
Outline = Callable[[Extraction], list[tuple[str, str, str]]]

NOON = 133_537_680_000_000_000  # 2024-03-01 12:00 in tenths of microseconds from 1601


def stream(tag: str, text: str) -> dict[str, bytes]:
    return {f"__substg1.0_{tag}001F": text.encode("utf-16-le")}


def properties(header_bytes: int) -> dict[str, bytes]:
    return {
        "__properties_version1.0": bytes(header_bytes) + struct.pack("<IIQ", 0x00390040, 0, NOON)
    }


def message(subject: str, header_bytes: int = 32, **folders: Tree) -> Tree:
    return {
        **properties(header_bytes),
        **stream("0037", subject),
        **stream("0C1A", "Ann Müller"),
        **stream("5D01", "ann@example.com"),
        **stream("0E04", "Bob"),
        **stream("1000", "Hello Bob,\r\n\r\nducks are up."),
        **{f"__attach_version1.0_#{name}": tree for name, tree in folders.items()},
    }


ATTACHED = {
    **stream("3707", "Größe.csv"),
    **stream("370E", "text/csv"),
    "__substg1.0_37010102": b"name,n\n" + b"duck,1\n" * 600,
}
MAIL = message(
    "Plans", a00000000=ATTACHED, b00000001={"__substg1.0_3701000D": message("Inner", 24)}
)


def test_a_message_has_its_headers_body_and_attachments(read: Read, outline: Outline) -> None:
    extraction = read("a.msg", compound_file(MAIL))
    assert extraction.title == "Plans"
    assert extraction.metadata == {
        "author": "Ann Müller <ann@example.com>",
        "created": "2024-03-01T12:00:00+00:00",
    }
    lead = "From: Ann Müller <ann@example.com>\nTo: Bob\nDate: Fri, 01 Mar 2024 12:00:00 +0000"
    csv, inner = "Plans > Attachment: Größe.csv", "Plans > Attachment: Inner"
    written = outline(extraction)
    assert written[:5] == [
        ("heading", "", "Plans"),
        ("note", "Plans", lead),
        ("paragraph", "Plans", "Hello Bob,"),
        ("paragraph", "Plans", "ducks are up."),
        ("heading", "Plans", "Attachment: Größe.csv"),
    ]
    assert (f"{csv} > name | n") in {path for _, path, _ in written}
    assert written[-3:] == [
        ("note", f"{inner} > Inner", lead),
        ("paragraph", f"{inner} > Inner", "Hello Bob,"),
        ("paragraph", f"{inner} > Inner", "ducks are up."),
    ]


def test_an_html_body_is_read(read: Read, outline: Outline) -> None:
    html = b"<p>Hello <b>Bob</b>, ducks are up, <i>and geese too</i>."
    written = outline(read("a.msg", compound_file({**MAIL, "__substg1.0_10130102": html})))
    assert ("paragraph", "Plans", "Hello Bob, ducks are up, and geese too.") in written


@pytest.mark.parametrize(
    ("at", "value"), [(30, b"\x1f"), (32, b"\x1f"), (44, b"\xff\xff\xff"), (72, b"\xff\xff")]
)
def test_sizes_that_do_not_fit_the_file_are_not_believed(read: Read, at: int, value: bytes) -> None:
    data = compound_file(MAIL)
    with pytest.raises(ExtractError) as error:
        read("a.msg", data[:at] + value + data[at + len(value) :])
    assert error.value.code == "broken"


@settings(deadline=None)  # the first file under another name imports another reader
@given(st.binary(min_size=1, max_size=20), st.integers(8, 20_000), st.booleans())
def test_no_damage_upsets_it(read: Read, junk: bytes, at: int, cut: bool) -> None:
    data = compound_file(MAIL)
    try:
        read("a.msg", data[:at] + junk + (b"" if cut else data[at + len(junk) :])).text.encode()
    except ExtractError as error:
        assert error.code in {"broken", "empty", "unsupported", "encrypted"}


def test_a_torn_message_says_so(read: Read) -> None:
    with pytest.raises(ExtractError) as error:
        read("a.msg", compound_file(MAIL)[:700])
    assert error.value.code == "broken"


@pytest.mark.parametrize(("size", "named"), [(700, False), (20_000, True)])
def test_pictures_in_the_text_are_told_from_files(read: Read, size: int, named: bool) -> None:
    logo = {
        **stream("3707", "image001.gif"),
        **stream("3712", "image001@01D"),
        "__substg1.0_37010102": b"GIF89a" + bytes(size),
    }
    text = read("a.msg", compound_file(message("Plans", a00000000=logo))).text
    assert ("Attachment: image001.gif" in text) is named
