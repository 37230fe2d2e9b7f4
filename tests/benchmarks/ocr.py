"""Reading pictures: character error rates, what each preparation is worth, and pages per second.

Folders hold a ``files`` folder of pictures and PDFs; the truth of a file is the text file of its
name, or of the name that its own goes on from (``page-rotated-90.png`` has ``page.txt``)::

    python -m tests.benchmarks.ocr FOLDER... [--speed-only | --quality-only]

Error rates are in per cent of the truth's characters, spaces and quotation marks normalised;
*placed* with each line moved to where the truth has it, since captions and margins are nobody's
next. A tilde in the truth is what its makers could not read, and costs nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import statistics
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import numpy as np
import pymupdf as _pymupdf
import pytesseract
from PIL import Image, ImageFilter, ImageOps

from prismd.extract.base import ExtractOptions
from prismd.extract.ocr import reader as ocr
from prismd.extract.ocr.languages import choose
from prismd.extract.ocr.tesseract import engine
from prismd.extract.pdf.extractor import PdfExtractor
from prismd.extract.pdf.scan import DPI

pymupdf: Any = _pymupdf  # It is typed in part only.

_DOCLING = (
    "Docling bundles PDF document conversion to JSON and Markdown in an easy self contained package"
)
_TEXTS = {"ocr_test": _DOCLING, "nemotron_multipage": _DOCLING}
_SAME_PAGE = dict.fromkeys(
    ("cardinal", "ccitt", "jbig2", "linn", "poster", "rotated_skew", "skew"), "linn"
)
_QUOTES = str.maketrans("“”„«»‘’‚–—", '"""""' + "'''--")
_SPACED = re.compile(r"\b(?:\w ){3,}\w\b|\.(?: \.)+")
"""Words, and dots, that are set with space between their letters."""
_TURNED = re.compile(r"([-_]rotated.*|rot)$")
_LEAST_MATCH = 5
_ROUNDS = 3

Prepare = Callable[[Image.Image], Image.Image]


class Case(msgspec.Struct, frozen=True):
    """A page and what stands on it."""

    name: str
    image: Image.Image
    dpi: int | None
    truth: str


def cases(folders: Sequence[Path]) -> Iterator[Case]:
    """Every page of the folders whose text is known."""
    for path in sorted(path for folder in folders for path in folder.rglob("files/**/*.*")):
        truth = _truth(path)
        if not truth or path.suffix == ".txt":
            continue
        if path.suffix == ".pdf":
            with pymupdf.open(path) as document:
                for page in document:
                    yield Case(f"{path.name} {page.number + 1}", drawn(page), DPI, truth)
        elif path.suffix in (".tif", ".png", ".jpg"):
            with Image.open(path) as image:
                image.load()
                dpi = round(image.info["dpi"][0]) if "dpi" in image.info else None
                yield Case(path.name, image.copy(), dpi, truth)


def _truth(path: Path) -> str:
    stem = path.with_suffix("").name
    base = _TURNED.sub("", stem)
    base = _SAME_PAGE.get(base, base)
    if base in _TEXTS:
        return _TEXTS[base]
    text = path.with_name(f"{base}.txt")
    return text.read_text(encoding="utf-8") if text.exists() else ""


def drawn(page: Any) -> Image.Image:
    """A page in grey, as the extractor draws it (but for the very small ones)."""
    area = page.rect.width * page.rect.height
    zoom = min(DPI / 72, (16_000_000 / area) ** 0.5)
    pixels = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY)
    return Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)


def normalised(text: str) -> str:
    """A text without what two readers of a page may well do differently."""
    plain = " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())
    return _SPACED.sub(lambda match: match[0].replace(" ", ""), plain)


def error_rate(found: str, truth: str) -> float:
    """Levenshtein distance in per cent of the truth's length."""
    wanted = np.array([ord(c) for c in normalised(truth)])
    read = np.array([ord(c) for c in normalised(found)])
    steps = np.arange(len(read) + 1)
    row = steps.copy()
    for number, letter in enumerate(wanted):
        unknown = letter == ord("~")
        below = np.empty_like(row)
        below[0] = number + 1
        below[1:] = np.minimum(
            row[1:] + (not unknown), row[:-1] + ((read != letter) & (not unknown))
        )
        row = np.minimum.accumulate(below - steps) + steps
    return 100.0 * float(row[-1]) / max(1, len(wanted))


def placed(lines: Sequence[str], truth: str) -> str:
    """The lines in the order in which the truth has them."""
    wanted = normalised(truth)
    ranked: list[tuple[int, str]] = []
    for line in map(normalised, lines):
        match = SequenceMatcher(None, wanted, line, autojunk=False).find_longest_match()
        before = ranked[-1][0] if ranked else 0
        ranked.append((match.a - match.b if match.size >= _LEAST_MATCH else before, line))
    return " ".join(line for _, line in sorted(ranked, key=lambda pair: pair[0]))


def lowest_rate(lines: Sequence[str], truth: str) -> float:
    """The error rate of the lines as they come or as they are placed, whichever is less."""
    return min(error_rate(" ".join(lines), truth), error_rate(placed(lines, truth), truth))


def _threshold(image: Image.Image) -> Image.Image:
    grey = np.asarray(image.convert("L"), dtype=np.int16)
    around = np.asarray(image.convert("L").filter(ImageFilter.BoxBlur(20)), dtype=np.int16)
    return Image.fromarray(np.where(grey < around - 15, 0, 255).astype(np.uint8))


_VARIANTS: dict[str, Prepare] = {
    "shipped": lambda image: image,
    "denoise": lambda image: image.convert("L").filter(ImageFilter.MedianFilter(3)),
    "threshold": _threshold,
    "contrast": lambda image: ImageOps.autocontrast(image.convert("L"), cutoff=2),
    "twice": lambda image: image.convert("L").resize((image.width * 2, image.height * 2)),
}
"""What is done before the shipped pipeline."""


def plain(image: Image.Image, languages: str) -> list[str]:
    """What pytesseract reads by itself, word for word, a line each."""
    data = pytesseract.image_to_data(image, lang=languages, output_type=pytesseract.Output.DICT)
    lines: dict[tuple[int, ...], list[str]] = {}
    columns = ("block_num", "par_num", "line_num")
    for at, text in enumerate(data["text"]):
        if str(text).strip():
            lines.setdefault(tuple(data[c][at] for c in columns), []).append(str(text))
    return [" ".join(words) for words in lines.values()]


def quality(folders: Sequence[Path], options: ExtractOptions, languages: str) -> None:
    """Print the error rates of every page, by every way of preparing it.

    ``level`` is the shipped way without straightening.
    """
    names = ["pytesseract", *_VARIANTS, "level"]
    print(f"{'CER %, placed':34}" + "".join(f"{name:>13}" for name in names) + "   as read")
    totals: dict[str, list[float]] = {name: [] for name in (*names, "as read")}
    for case in cases(folders):
        found = _readings(case, options, languages)
        rates = {name: lowest_rate(lines, case.truth) for name, lines in found.items()}
        rates["as read"] = error_rate(" ".join(found["shipped"]), case.truth)
        for name, rate in rates.items():
            totals[name].append(rate)
        print(f"{case.name:34}" + "".join(f"{rates[name]:13.2f}" for name in totals), flush=True)
    print(f"{'mean':34}" + "".join(f"{statistics.mean(of):13.2f}" for of in totals.values()))


def _readings(case: Case, options: ExtractOptions, languages: str) -> dict[str, list[str]]:
    """The lines that each way of preparing the page leads to."""
    with ThreadPoolExecutor() as pool:
        found = {"pytesseract": pool.submit(plain, case.image, languages)}
        for name, prepare in _VARIANTS.items():
            found[name] = pool.submit(_lines, prepare(case.image), case.dpi, options)
        lines = {name: future.result() for name, future in found.items()}
    with mock.patch("prismd.extract.ocr.reader.slope", lambda _: 0.0):
        lines["level"] = _lines(case.image, case.dpi, options)
    return lines


def _lines(image: Image.Image, dpi: int | None, options: ExtractOptions) -> list[str]:
    read = ocr.read_picture(image, options, dpi=dpi)
    return [line.text for block in read.blocks for line in block.lines]


class _Spent(msgspec.Struct, frozen=True):
    """What a round took; on a busy machine the two tell of each other."""

    wall_s: float
    cpu_s: float


@contextlib.contextmanager
def _spending(rounds: list[_Spent]) -> Iterator[None]:
    before, start = os.times(), time.perf_counter()
    yield
    after, wall_s = os.times(), time.perf_counter() - start
    rounds.append(_Spent(wall_s, sum(after[:4]) - sum(before[:4])))


def speed(folders: Sequence[Path], options: ExtractOptions, languages: str, pages: int) -> None:
    """Print pages per second of a scanned PDF, against pytesseract page by page."""
    upright = [c for c in cases(folders) if len(c.truth) > 1000 and "rot" not in c.name][:pages]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.pdf"
        with pymupdf.open() as document:
            for case in upright:
                width, height = (side * 72 / DPI for side in case.image.size)
                page = document.new_page(width=width, height=height)
                stream = _png(case.image)
                page.insert_image(page.rect, stream=stream)
            document.save(path)
        truth = " ".join(case.truth for case in upright)
        rounds: dict[str, list[_Spent]] = {"prismd": [], "pytesseract": [], "one thread": []}
        for _ in range(_ROUNDS):
            with _spending(rounds["prismd"]):
                ours = PdfExtractor().extract(path, "application/pdf", options).text.split("\n")
            for name, limit in (("pytesseract", ""), ("one thread", "1")):
                with mock.patch.dict(os.environ, {"OMP_THREAD_LIMIT": limit}):
                    if not limit:
                        del os.environ["OMP_THREAD_LIMIT"]
                    with _spending(rounds[name]):
                        theirs = _page_by_page(path, languages)
    for name, spent in rounds.items():
        pairs = zip(spent, rounds["prismd"], strict=True)
        ratio = statistics.median(other.wall_s / own.wall_s for other, own in pairs)
        wall_s = statistics.median(each.wall_s for each in spent)
        cpu_s = statistics.median(each.cpu_s for each in spent)
        print(
            f"{name:12} {len(upright) / wall_s:.2f} pages/s, {cpu_s / len(upright):.2f} s of CPU"
            f" a page, {cpu_s / wall_s:.2f} cores; prismd is {ratio:.2f} times as fast (bar: 1.8)"
        )
    for name, lines in (("prismd", ours), ("pytesseract", theirs)):
        print(f"{name:12} CER {lowest_rate(lines, truth):.2f} %")


def _page_by_page(path: Path, languages: str) -> list[str]:
    with pymupdf.open(path) as document:
        return [line for page in document for line in plain(drawn(page), languages)]


def _png(image: Image.Image) -> bytes:
    with tempfile.TemporaryFile() as stream:
        image.convert("L").save(stream, "PNG", compress_level=1)
        stream.seek(0)
        return stream.read()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pages", type=int, default=8, help="of the PDF that is timed")
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--quality-only", action="store_true")
    given = parser.parse_args()
    installed = engine()
    if installed is None:
        sys.exit("Tesseract is not installed")
    pymupdf.TOOLS.mupdf_display_errors(False)
    with tempfile.TemporaryDirectory() as slots:
        options = ExtractOptions(slots_dir=slots)
        languages = "+".join(choose((), installed.languages).languages)
        print(ocr.available(options))
        if not given.speed_only:
            quality(given.folders, options, languages)
        if not given.quality_only:
            speed(given.folders, options, languages, given.pages)


if __name__ == "__main__":
    main()
