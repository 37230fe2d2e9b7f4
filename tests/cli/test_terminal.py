from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from prismd.cli.terminal import paragraphs, plain, preview


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    shown.encode("utf-8")


def test_names_in_other_scripts_are_shown_as_they_are() -> None:
    for name in ("Übersicht 2024.pdf", "می‌خواهم.txt", "北京 👩‍🔬.md"):
        assert plain(name) == name


def test_colours_of_a_name_are_not_obeyed() -> None:
    assert plain("\x1b[31mred\nblue") == "\ufffd[31mred\ufffdblue"


def test_a_preview_is_cut_between_words() -> None:
    shown = preview("several words " * 40)
    assert shown.endswith(" …")
    assert set(shown.replace("…", "").split()) == {"several", "words"}
    assert max(map(len, shown.splitlines())) <= 96


def test_a_preview_of_a_script_without_spaces_shows_its_beginning() -> None:
    shown = preview("秋天的北京很美丽" * 60).replace("\n", "")
    assert shown.startswith("秋天的北京很美丽" * 20)
    assert shown.endswith(" …")


def test_a_short_preview_is_whole() -> None:
    assert preview("  two\n\nlines ") == "two lines"


def test_an_answer_keeps_its_paragraphs() -> None:
    assert paragraphs("One.\n\n- two\n- three") == "One.\n\n- two\n- three"
    assert len(paragraphs("word " * 60).splitlines()) == 4
