"""Pieces that are handed on while a file is read, and handed back when it is read anew."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.extract.parts import LeftOut, in_parts, part
from prismd.extract.pieces import Piece, keeping, pieces


class Page(msgspec.Struct, frozen=True):
    text: str
    box: tuple[float, float]


def test_where_nobody_keeps_them_nothing_is_known_or_told() -> None:
    kept = pieces("ocr")
    kept.put(1, Page("one", (0, 1)))
    assert len(kept) == 0
    assert kept.get(1, Page) is None


FLOATS = st.floats(allow_nan=False)
PAGES = st.builds(Page, st.text(), st.tuples(FLOATS, FLOATS))


@given(st.dictionaries(st.integers(0, 50), PAGES))
def test_what_is_handed_back_is_what_was_handed_on(read: dict[int, Page]) -> None:
    told: list[Piece] = []
    with keeping((), told.append):
        for number, page in read.items():
            pieces("ocr 1").put(number, page)
    with keeping(told, told.append):
        kept = pieces("ocr 1")
        assert len(kept) == len(read)
        assert {number: kept.get(number, Page) for number in read} == read
        assert len(pieces("ocr 2")) == 0, "another version reads otherwise"


@pytest.mark.parametrize("content", [b"", b"no piece at all", b"x\x9cK\x04\x00\x00b\x00b"])
def test_what_cannot_be_unpacked_is_not_known(content: bytes) -> None:
    with keeping([Piece("ocr", 1, content)], lambda piece: None):
        assert pieces("ocr").get(1, Page) is None


def test_the_pieces_of_parts_are_kept_apart() -> None:
    told: list[Piece] = []

    def read() -> list[Page | None]:
        found = []
        with in_parts(LeftOut(), lambda key: None):
            for number in range(2):
                with part(), part():
                    kept = pieces("ocr")
                    found.append(kept.get(1, Page))
                    kept.put(1, Page(f"of part {number}", (0, 1)))
        return found

    with keeping((), told.append):
        assert read() == [None, None]
    with keeping(told, told.append):
        assert read() == [Page("of part 0", (0, 1)), Page("of part 1", (0, 1))]


def test_who_reads_on_after_the_end_is_not_heard() -> None:
    told: list[Piece] = []
    with keeping((), told.append):
        kept = pieces("ocr")
        kept.put(1, Page("in time", (0, 1)))
    kept.put(2, Page("too late", (0, 1)))
    assert [piece.number for piece in told] == [1]
