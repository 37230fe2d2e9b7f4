"""Folders as people name them in a box."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.api.typed_path import folder_named
from prismd.errors import RequestError

HOME = Path("/home/anna")

NAMES = st.text(st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1)
FOLDERS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1).map(
    lambda names: Path("/", *names)
)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("/", "/"),
        ("/home/anna/Letters", "/home/anna/Letters"),
        ("/ends in a space ", "/ends in a space "),
        ('/it\'s "so"', '/it\'s "so"'),
        ("/100%20", "/100%20"),
        ("~", "/home/anna"),
        ("~/Letters", "/home/anna/Letters"),
        ("  /srv/x\n", "/srv/x"),
        (" ~/x ", "/home/anna/x"),
        ("'~/x'", "/home/anna/x"),
        ("'/srv/it'\\''s'", "/srv/it's"),
        ('"/srv/a b"', "/srv/a b"),
        ("file:///srv/a%20b", "/srv/a b"),
        ("file:/srv/x", "/srv/x"),
        ("FILE://LOCALHOST/srv/x", "/srv/x"),
        ("file://localhost/", "/"),
        ("file:///srv/what?#1", "/srv/what?#1"),
        ("'file:///srv/x'", "/srv/x"),
        ("file:///srv/%ff", "/srv/\udcff"),
    ],
)
def test_what_is_meant_is_found(text: str, folder: str) -> None:
    assert folder_named(text, HOME) == Path(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "whole path"),
        ("   ", "whole path"),
        ("Letters", "whole path"),
        ("~bert/Letters", "whole path"),
        ("C:\\Users\\anna", "whole path"),
        ("\\\\nas\\photos", "whole path"),
        ("/zero\x00byte", "whole path"),
        ("file:///zero%00byte", "whole path"),
        ("'", "whole path"),
        ("'/a' '/b'", "whole path"),
        ("file:", "whole path"),
        ("file://", "whole path"),
        ("file:srv", "whole path"),
        ("file://nas/photos", "another computer"),
        ("smb://nas/photos", "an address"),
        ("https://example.org/x", "an address"),
    ],
)
def test_what_is_no_folder_of_this_computer_is_refused(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said) as refused:
        folder_named(text, HOME)
    assert refused.value.param == "path"


@given(folder=FOLDERS)
def test_however_a_folder_is_copied_it_is_the_same(folder: Path) -> None:
    quoted = shlex.quote(str(folder))
    copied = [str(folder), folder.as_uri(), f"{folder.as_uri()}\n"]
    copied += [quoted] if quoted.startswith("'") else []
    assert {folder_named(text, HOME) for text in copied} == {folder}


@given(text=st.text())
def test_whatever_is_typed_there_is_a_whole_path_or_a_refusal(text: str) -> None:
    try:
        folder = folder_named(text, HOME)
    except RequestError:
        return
    assert folder.is_absolute()
    assert "\x00" not in str(folder)
