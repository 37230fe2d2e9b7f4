"""PDF: a scan page by page; what was read of it before is not read again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from prismd.extract.pieces import Piece, keeping
from prismd.extract.steps import listening
from tests.extract.pdf.conftest import Read
from tests.extract.pdf.scans import (
    HEIGHT,
    WIDTH,
    make,
    png,
    pymupdf,
    scan,
    together,
    typed,
)


def test_each_page_that_is_read_is_a_step(read_pdf: Read) -> None:
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))):
        read_pdf(make(scan(["One"]), typed(), scan(["Two"]), scan(["Three"])))
    layers = [(0, 4), (1, 4), (1, 4), (1, 4)]
    assert steps == [*layers, (1, 4), (2, 4), (3, 4), (4, 4)]


def test_without_ocr_each_page_is_a_step_too(read_pdf: Read) -> None:
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))):
        read_pdf(make(typed(), scan(), typed(), scan()), ocr=False)
    assert steps == [(1, 4), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4)]


def keep(into: list[Piece], known: Sequence[Piece] = ()) -> AbstractContextManager[None]:
    return keeping(known, into.append)


def test_pages_that_are_known_are_not_read_again_and_the_outcome_is_the_same(
    read_pdf: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = make(
        scan(["One"]),
        typed(),
        scan(turn=90),
        together(
            typed(y=20),
            lambda page: page.insert_image(pymupdf.Rect(0, 60, WIDTH, HEIGHT), stream=png()),
        ),
        lambda page: None,
    )
    told: list[Piece] = []
    with keep(told):
        whole = read_pdf(path)
    assert sorted(piece.number for piece in told) == [0, 2, 3, 4]
    for known in (told[:1], told[1:3], told):
        again: list[Piece] = []
        with keep(again, known):
            assert read_pdf(path) == whole
        assert len(again) == len(told) - len(known)
    broken_engine = tmp_path / "tesseract"
    broken_engine.write_text("#!/bin/sh\nexit 1\n")
    broken_engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with keep([], told):
        assert read_pdf(path) == whole, "no page was read"


def test_pages_read_in_other_languages_are_read_again(read_pdf: Read) -> None:
    path = make(scan(["One"]), scan(["Two"]))
    told: list[Piece] = []
    with keep(told):
        read_pdf(path)
    again: list[Piece] = []
    with keep(again, told):
        read_pdf(path, ocr_languages=("eng",))
    assert sorted(piece.number for piece in again) == [0, 1]
    assert {piece.reader for piece in told}.isdisjoint(piece.reader for piece in again)


def test_a_scan_that_goes_on_shows_at_once_how_far_it_was(read_pdf: Read) -> None:
    path = make(*[scan(["One"])] * 4)
    told: list[Piece] = []
    with keep(told):
        read_pdf(path)
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))), keep([], told[:2]):
        read_pdf(path)
    assert steps == [(2, 4)] * 7 + [(3, 4), (4, 4)]
