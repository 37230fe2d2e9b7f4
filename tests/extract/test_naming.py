"""What files are called that prismd reads."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import PurePath

import pytest

from prismd.extract.base import media_type, media_types
from prismd.extract.naming import BY_SUFFIX, binary_by_name, kind_of, read_suffixes


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """What is read is asked anew in each test, and after the last."""
    read_suffixes.cache_clear()
    yield
    read_suffixes.cache_clear()


def test_names_of_what_is_read_are_known_wherever_prismd_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mimetypes, "guess_all_extensions", lambda name: [])
    found = read_suffixes()
    assert {
        ".odt",
        ".pptx",
        ".xls",
        ".msg",
        ".epub",
        ".heic",
        ".opus",
        ".csv",
        ".pdf",
    } <= found.keys()
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in found)
    named = {BY_SUFFIX.get(suffix) or binary_by_name(PurePath(f"a{suffix}")) for suffix in found}
    # The others are told by their content, whatever they are called.
    by_content = {"application/pdf", "application/epub+zip"}
    nameless = {"text/x-source-code", "video/mp2t"}
    assert media_types().keys() <= named | by_content | nameless


def test_names_of_what_is_not_read_are_not_among_them() -> None:
    found = read_suffixes()
    assert not {".doc", ".zip", ".svg", ".ps", ".ppt", ".xlsb", ".py", ".bin", ""} & found.keys()
    assert all(media_type(BY_SUFFIX[suffix]) for suffix in found.keys() & BY_SUFFIX.keys())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Lease.pdf", "document"), ("a/B.DOCX", "document"), ("old.doc", "document"),
        ("page.html", "document"), ("box.mbox", "document"), ("x.zip", "document"),
        ("a.JPG", "image"), ("drawing.svg", "image"), ("raw.cr2", "image"),
        ("a.mp3", "audio"), ("film.mp4", "audio"), ("a.txt", "text"), ("main.py", "text"),
        ("table.csv", "text"), ("Makefile", "text"), ("", "text"), ("x.no_such_end", "text"),
    ],
)  # fmt: skip
def test_a_name_tells_what_a_file_is(name: str, kind: str) -> None:
    assert kind_of(name) == kind
