"""What uploaded files are called: never more than a name, and never what it is not."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.paths.upload_name import upload_name


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Users\\me\\Tax 2026.xlsx", "Tax 2026.xlsx"),
        ("a\x00b.txt", "ab.txt"),
        ("a\r\nX-Evil: 1.txt", "aX-Evil: 1.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\ufeffnote.md", "note.md"),
        ("  much   space .txt ", "much space .txt"),
        ("folder/", "folder"),
        ("Sur\u0301.txt", "Su\u0155.txt"),
        ("می\u200cخواهم.txt", "می\u200cخواهم.txt"),
        (".gitignore", ".gitignore"),
        ("", "upload"),
        (".", "upload"),
        ("..", "upload"),
        ("../", "upload"),
        ("\x00\x01", "upload"),
        ("\ud800", "upload"),
    ],
)
def test_a_name_is_what_a_person_may_read_of_it(given_: str, name: str) -> None:
    assert upload_name(given_) == name


def test_a_name_that_is_too_long_keeps_its_suffix() -> None:
    name = upload_name("ж" * 5_000 + ".docx")
    assert name.endswith("ж.docx")
    assert len(name.encode()) <= 200


def test_a_suffix_that_is_too_long_is_none() -> None:
    assert len(upload_name("a." + "b" * 5_000).encode()) == 200


@given(st.text())
def test_no_name_is_a_path_or_hides_anything(given_: str) -> None:
    name = upload_name(given_)
    assert PurePosixPath("/uploads", name).name == name
    assert name == upload_name(name)
    assert 0 < len(name.encode()) <= 200
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    assert not {"/", "\\", "\x00", "\u202e"} & set(name)
