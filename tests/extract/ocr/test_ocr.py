"""Reading pictures with the Tesseract that is installed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from prismd.domain import Box
from prismd.extract.base import ExtractOptions
from prismd.extract.ocr import reader, tesseract
from prismd.extract.ocr.reader import OcrPage, OcrWord, available, read_picture

LINES = (
    "The harbour authority names three",
    "reasons for the delay. First, the new",
    "crane was delivered eleven weeks late;",
    "second, the cable had been laid without",
    "a permit; third, storms closed the quay.",
)
TEXT = " ".join(LINES)


@pytest.fixture
def options(tmp_path: Path) -> ExtractOptions:
    return ExtractOptions(slots_dir=str(tmp_path / "slots"))


def picture(
    lines: Sequence[str] = LINES, *, size: int = 32, ink: int = 0, paper: int = 255
) -> Image.Image:
    font = ImageFont.load_default(size)
    image = Image.new("L", (900, 40 + len(lines) * 2 * size), paper)
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((60, 20 + n * 1.6 * size), line, ink, font)
    return image


def plain(text: str) -> str:
    return " ".join(text.split())


def words(page: OcrPage) -> list[OcrWord]:
    return [word for block in page.blocks for line in block.lines for word in line.words]


def ink_outside(image: Image.Image, boxes: Sequence[Box], margin: int = 2) -> int:
    """How many dark pixels lie outside of all boxes."""
    rest = image.convert("L").point(lambda value: 255 if value < 100 else 0)
    for x0, y0, x1, y1 in boxes:
        rest.paste(0, (int(x0) - margin, int(y0) - margin, int(x1) + margin, int(y1) + margin))
    return int((np.asarray(rest) > 0).sum())


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_text_is_read_whichever_way_up_and_its_boxes_are_where_it_stands(
    options: ExtractOptions, turn: int
) -> None:
    image = picture().rotate(-turn, expand=True)
    page = read_picture(image, options)
    assert plain(page.text) == TEXT
    assert page.rotation == -turn % 360
    assert (page.width_px, page.height_px) == image.size
    assert ink_outside(image, [word.box for word in words(page)]) == 0


def test_a_few_words_upside_down_are_read_too(options: ExtractOptions) -> None:
    image = picture(["Perfectly cromulent words"]).rotate(180)
    page = read_picture(image, options)
    assert plain(page.text) == "Perfectly cromulent words"
    assert page.rotation == 180


def test_sloping_lines_are_read_and_their_boxes_are_on_the_slope(options: ExtractOptions) -> None:
    lines = [line for _ in range(4) for line in LINES]
    image = picture(lines).rotate(3, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    page = read_picture(image, options)
    assert plain(page.text) == plain(" ".join(lines))
    assert ink_outside(image, [word.box for word in words(page)], margin=4) == 0


def test_columns_are_read_one_after_the_other(options: ExtractOptions) -> None:
    left, right = picture(LINES, size=24), picture(LINES[::-1], size=24)
    image = Image.new("L", (1300, left.height), 255)
    image.paste(left.crop((0, 0, 620, left.height)), (0, 0))
    image.paste(right.crop((0, 0, 620, left.height)), (660, 0))
    assert plain(read_picture(image, options).text) == f"{TEXT} {' '.join(LINES[::-1])}"


def test_small_print_of_a_screen_is_read(options: ExtractOptions) -> None:
    dark = picture(size=13, ink=220, paper=30)
    text = plain(read_picture(dark, options, dpi=96).text)
    # Of marks as small as these, Tesseract makes a comma or a full stop by the kind of processor.
    assert re.findall(r"\w+", text) == re.findall(r"\w+", TEXT)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_of_picture_is_read(options: ExtractOptions, mode: str) -> None:
    image = picture(LINES[:2])
    if mode in ("I;16", "I", "F"):
        deep = np.asarray(image).astype(np.float32) * 257
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray(deep.astype(kind))
    else:
        image = image.convert("RGB").convert(mode)
    assert image.mode == mode
    before = image.tobytes()
    assert plain(read_picture(image, options).text) == " ".join(LINES[:2])
    assert (image.mode, image.tobytes()) == (mode, before)


def test_what_is_transparent_is_paper(options: ExtractOptions) -> None:
    image = Image.new("RGBA", (900, 200), (0, 0, 0, 0))
    ink = picture(LINES[:2]).crop((0, 0, 900, 200))
    image.putalpha(ink.point(lambda value: 255 - value))
    assert plain(read_picture(image, options).text) == " ".join(LINES[:2])


def test_huge_letters_are_read(options: ExtractOptions) -> None:
    image = picture(["81 megapixels", "of paper"], size=40)
    image = image.resize((image.width * 5, image.height * 5))
    assert plain(read_picture(image, options).text) == "81 megapixels of paper"


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (1, 1)),
        Image.new("L", (1, 5000)),
        Image.new("L", (20000, 2), 255),
        Image.new("1", (900, 900)),
        Image.new("RGB", (900, 900), "white"),
        Image.fromarray(np.random.default_rng(2).integers(0, 255, (800, 800), dtype=np.uint8)),
    ],
    ids=["pixel", "column", "strip", "black", "white", "noise"],
)
def test_a_picture_without_text_gives_none(options: ExtractOptions, image: Image.Image) -> None:
    page = read_picture(image, options)
    assert page.blocks == ()
    assert not page.warnings
    assert (page.width_px, page.height_px) == image.size


def test_what_read_it_is_named(options: ExtractOptions) -> None:
    page = read_picture(picture(), options)
    assert page.engine == available(options)
    assert page.engine.startswith("tesseract ")
    assert page.engine.endswith(" " + page.language)


def test_a_language_that_is_not_installed_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    options = ExtractOptions(ocr_languages=("eng", "xyz"), slots_dir=str(tmp_path))
    page = read_picture(picture(), options)
    assert plain(page.text) == TEXT
    (warning,) = page.warnings
    assert "xyz" in warning
    assert page.language == "eng"


def test_threads_may_read_at_the_same_time(options: ExtractOptions) -> None:
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: read_picture(picture(LINES[:2]), options), range(4)))
    assert {plain(page.text) for page in pages} == {" ".join(LINES[:2])}


COUNTING = """#!/bin/sh
echo "$@" >> {log}
exec {tesseract} "$@"
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """How Tesseract was called so far, to read or to look at a picture."""
    log, program = tmp_path / "log", tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    program.write_text(COUNTING.format(log=log, tesseract=shutil.which("tesseract")))
    program.chmod(0o700)
    log.touch()
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return lambda: [line for line in log.read_text().splitlines() if "--psm" in line]


Calls = Callable[[], list[str]]


def test_a_picture_of_one_shade_is_not_looked_at(options: ExtractOptions, calls: Calls) -> None:
    assert read_picture(Image.new("RGB", (900, 900), "navy"), options).blocks == ()
    assert calls() == []
    read_picture(picture(), options)
    assert calls() != []


def test_why_a_picture_was_not_read_is_told(
    options: ExtractOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    available(options)  # what is installed is looked up once
    program = tmp_path / "tesseract"
    program.write_text('#!/bin/sh\necho "no such luck" >&2\nexit 1\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    page = read_picture(picture(), options)
    assert page.blocks == ()
    assert page.unread == "Tesseract says no such luck"
    assert page.warnings == ("the text in a picture was not read: Tesseract says no such luck",)


@pytest.mark.parametrize("spent", [False, True])
def test_no_further_way_is_tried_once_the_time_is_spent(
    options: ExtractOptions, calls: Calls, monkeypatch: pytest.MonkeyPatch, spent: bool
) -> None:
    if spent:
        monkeypatch.setattr(reader, "_MORE_TRIES_S", -1.0)
    huge = picture(["81 megapixels", "of paper"], size=40)
    read_picture(huge.resize((huge.width * 5, huge.height * 5)), options)
    read_picture(picture(["Perfectly cromulent words"]).rotate(180), options)
    assert len(calls()) == 2 if spent else len(calls()) > 3


WATCHED = """
import json, os, sys, threading
from pathlib import Path
from types import SimpleNamespace
from PIL import Image, ImageDraw, ImageFont
from prismd.extract.base import ExtractOptions
from prismd.extract.ocr.reader import OcrMissing, available, read_picture
options = ExtractOptions(slots_dir=sys.argv[1])
image = Image.new("L", (400, 80), 255)
ImageDraw.Draw(image).text((20, 20), "Some words", 0, ImageFont.load_default(32))
try:
    text = read_picture(image, options).text
except OcrMissing as error:
    text = str(error)
folder = Path(sys.argv[1]) if sys.argv[1] else Path(os.environ["TMPDIR"])
left = [str(p) for p in folder.rglob("*") if p.name.startswith("tess_")]
print(json.dumps([available(options), text, left]))
"""


def child(folder: Path | str, **environment: str) -> tuple[str, str, list[str]]:
    made = subprocess.run(
        [sys.executable, "-c", WATCHED, str(folder)],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    name, text, left = json.loads(made.stdout)
    return name, text, left


def test_without_tesseract_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    name, text, *_ = child(tmp_path, PATH=str(tmp_path))
    assert name == ""
    assert "tesseract-ocr" in text
    assert "prismd reindex --stale" in text


def test_without_language_data_it_is_as_good_as_missing(tmp_path: Path) -> None:
    name, text, *_ = child(tmp_path, TESSDATA_PREFIX=str(tmp_path))
    assert name == ""
    assert "prismd reindex --stale" in text


def test_pictures_pass_through_pipes_to_one_thread_and_leave_nothing(tmp_path: Path) -> None:
    elsewhere, programs = tmp_path / "tmp", tmp_path / "bin"
    elsewhere.mkdir()
    programs.mkdir()
    told = tmp_path / "told"
    (programs / "tesseract").write_text(
        f'#!/bin/sh\necho "$OMP_THREAD_LIMIT $TMPDIR $*" >> {told}\n'
        f'exec {shutil.which("tesseract")} "$@"\n'
    )
    (programs / "tesseract").chmod(0o700)
    slots = tmp_path / "slots"
    path = f"{programs}:{os.environ['PATH']}"
    name, text, left = child(slots, TMPDIR=str(elsewhere), PATH=path)
    assert name
    assert text == "Some words"
    reading = [line for line in told.read_text().splitlines() if "tsv" in line]
    assert reading
    assert all(line.startswith(f"1 {slots}/") for line in reading)
    assert all(" stdin stdout " in line for line in reading)
    assert left == []
    assert list(elsewhere.iterdir()) == []
    assert slots.stat().st_mode & 0o077 == 0


def test_without_a_shared_folder_the_own_one_goes_with_the_process(tmp_path: Path) -> None:
    _, text, *_ = child("", TMPDIR=str(tmp_path))
    assert text == "Some words"
    assert list(tmp_path.iterdir()) == []


def test_waiting_for_others_takes_no_picture_its_further_ways(
    options: ExtractOptions, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0

    @contextlib.contextmanager
    def crowded(folder: str, count: int) -> Iterator[None]:
        nonlocal now_s
        now_s += 1000.0
        yield

    clock = SimpleNamespace(monotonic=lambda: now_s)
    monkeypatch.setattr(tesseract, "slot", crowded)
    for module in (reader, tesseract):
        monkeypatch.setattr(module, "time", clock)
    read_picture(picture(["Perfectly cromulent words"]).rotate(180), options)
    assert len(calls()) > 1
