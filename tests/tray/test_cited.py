from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prismd.tray.cited import Cited, cited_of, isolated, named, shortened


def lines(*paths: str, place: str = "") -> list[str]:
    return [text for text, _ in named([Cited("id", path, place) for path in paths])]


def test_a_file_is_named_with_the_place_and_leads_to_its_citation() -> None:
    told = {
        "data": [
            {"citation_id": "a1", "path": "/d/lease.pdf", "locator": {"kind": "page", "page": 3}},
            {"citation_id": "b2", "path": "/d/harbour.jpg", "locator": {"kind": "image"}},
        ]
    }
    assert list(named(cited_of(told))) == [("lease.pdf, page 3", "a1"), ("harbour.jpg", "b2")]


def test_equal_names_are_told_apart_by_as_much_of_their_folders_as_it_takes() -> None:
    assert lines("/a/2023/report.pdf", "/a/2024/report.pdf", "/a/2024/b.txt") == [
        "report.pdf (2023)",
        "report.pdf (2024)",
        "b.txt",
    ]
    assert lines("/x/2024/report.pdf", "/y/2024/report.pdf", "report.pdf") == [
        "report.pdf (x/2024)",
        "report.pdf (y/2024)",
        "report.pdf",
    ]


def test_a_long_name_is_cut_in_its_middle_and_keeps_its_end() -> None:
    [line] = lines(f"/d/{'minutes of the meeting ' * 5}2024-05-01.pdf", place="page 12")
    assert line.startswith("minutes of the meet")
    assert line.endswith(" 2024-05-01.pdf, page 12")
    assert "…" in line
    assert len(line) < 60


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), st.integers(3, 40))
def test_what_is_cut_fits_and_begins_and_ends_as_before(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert len(cut) <= max(most, 1)
    if cut != text:
        head, _, tail = cut.partition("…")
        assert text.startswith(head) or "…" in text
        assert text.endswith(tail) or "…" in text


def test_an_accent_is_not_parted_from_its_letter() -> None:
    assert shortened("abe\u0301defghij", 7) == "ab…hij"
    assert shortened("abcdefge\u0301hi", 7) == "abc…hi"


def test_a_name_from_right_to_left_leaves_the_place_behind_it() -> None:
    [line] = lines("/d/חוזה.pdf", place="page 3")
    assert line == "\u200e\u2068חוזה.pdf\u2069, page 3"
    assert isolated("plain.pdf") == "plain.pdf"


def test_a_name_cannot_turn_the_menu_around_or_break_it() -> None:
    [line] = lines("/d/a\u202egpj.exe\n_b.txt")
    assert line == "a\ufffdgpj.exe\ufffd_b.txt"
