"""Files of every kind for the browser tests, each with a sentence at a known place."""

from __future__ import annotations

import io
from pathlib import Path

import pymupdf
from PIL import Image, ImageDraw, ImageFont

from tests.building import picture, recording, write_file

FAKES = {
    "PRISMD_MODELS_GENERATION": "fake",
    "PRISMD_MODELS_IMAGE": "fake",
    "PRISMD_MODELS_SPEECH": "fake",
}

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom."""

DEPOSIT = "The quarterly deposit of the boathouse is 2850 crowns."
DEPOSIT_PAGE = 3
TURNED = "The lighthouse keeper oils the copper lantern every seventh evening."
INK = (0, 0, 176)
"""The colour of both, which nothing else on their pages has."""
FERRY = "Ferry ticket 12 euros"
GATE = "The harbour gate closes at nineteen hours."
GATE_START_S = 6.0
GATE_END_S = 9.5
VALVE = "The emergency valve of the cistern stands behind the blue cupboard."
VALVE_LINE = 142
TAX = "The tax return must be sent online by 31 January 2027."
HOSTILE = "The marmalade contest was won by a hostile badger named Prudence."

_FILLER = "Nothing of note happened on the quay that week, and the ferry kept to its usual hours. "
_TUNE = "A tune is whistled for a while."
_SCRIPT = """\
document.title = "ran";
fetch("/pause", {method: "POST"}).catch(() => 0);
parent.postMessage("ran", "*");
"""


def write_samples(folder: Path) -> None:
    """Write all of them into an empty folder, as if they had been there for long."""
    write_file(folder / "papers" / "Boathouse.pdf", boathouse())
    write_file(folder / "papers" / "Lighthouse.pdf", lighthouse())
    write_file(folder / "pictures" / "ticket.png", ticket())
    write_file(folder / "pictures" / "barn.png", picture("red"))
    write_file(folder / "pictures" / "sea.png", picture("blue"))
    said = ((0.5, 3.0, _TUNE), (GATE_START_S, GATE_END_S, GATE), (10.0, 11.5, _TUNE))
    write_file(folder / "memo.wav", recording(*said, seconds=12.0, pitch_hz=220))
    write_file(folder / "handbook.txt", handbook())
    write_file(folder / "notes" / "Tax notes.md", f"# Tax\n\n## Deadlines\n\n{TAX}\n")
    write_file(folder / "hostile" / "page.html", hostile_html())
    write_file(folder / "hostile" / "drawing.svg", hostile_svg())
    write_file(folder / "broken.pdf", b"%PDF-1.7\nnothing of a PDF follows")
    write_file(folder / "empty.txt", b"")


def boathouse() -> bytes:
    """Four pages; the sentence stands on the third, far from everything else."""
    with pymupdf.open() as pdf:
        for number in range(1, 5):
            page = pdf.new_page()
            page.insert_text((72, 100), f"Chapter {number}", fontsize=16)
            page.insert_textbox((72, 130, 520, 300), _FILLER * 4, fontsize=11)
            if number == DEPOSIT_PAGE:
                page.insert_text((150, 500), DEPOSIT, fontsize=12, color=_rgb(INK))
        return bytes(pdf.tobytes())


def lighthouse() -> bytes:
    """A page that is cut to a part of its sheet, and lies on its side in the file."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=700, height=900)
        page.set_cropbox(pymupdf.Rect(40, 60, 680, 860))
        page.set_rotation(90)
        upright = page.derotation_matrix
        page.insert_text(
            pymupdf.Point(120, 330) * upright, TURNED, fontsize=13, color=_rgb(INK), rotate=90
        )
        page.insert_text(
            pymupdf.Point(120, 100) * upright, "A page on its side", fontsize=18, rotate=90
        )
        return bytes(pdf.tobytes())


def place_in_pdf(pdf: bytes, page: int, words: str) -> tuple[Rect, tuple[float, float]]:
    """Where words stand on a page as it is shown, and the page's size, in points."""
    with pymupdf.open(stream=pdf) as document:
        shown = document[page - 1]
        (found,) = shown.search_for(words)
        found = found * shown.rotation_matrix
        found.normalize()
        return tuple(found), (shown.rect.width, shown.rect.height)


def ticket() -> bytes:
    """A picture with words; see ``place_in_ticket``."""
    file = io.BytesIO()
    _ticket().save(file, "PNG")
    return file.getvalue()


def place_in_ticket() -> tuple[Rect, tuple[float, float]]:
    """Where the ink of the words is, and the picture's size, in pixels."""
    image = _ticket()
    found = image.convert("L").point(lambda grey: 255 * (grey < 128)).getbbox()
    assert found is not None
    return found, image.size


def _ticket() -> Image.Image:
    image = Image.new("RGB", (900, 500), "white")
    font = ImageFont.load_default(size=44)
    ImageDraw.Draw(image).text((210, 260), FERRY, fill="black", font=font)
    return image


def handbook() -> str:
    """Lines of text, one of them the sentence."""
    lines = [f"Article {number} is about rowing boats." for number in range(1, 301)]
    lines[VALVE_LINE - 1] = VALVE
    for blank in (VALVE_LINE - 2, VALVE_LINE):
        lines[blank] = ""
    return "\n".join(lines) + "\n"


def hostile_html() -> str:
    """A page that does harm if its script ever runs where prismd's pages are."""
    return (
        f"<!doctype html><title>Badger</title><p>{HOSTILE}</p><script>{_SCRIPT}</script>"
        '<img src="x" onerror="document.title = \'ran\'">'
        '<form action="/pause" method="post"><button autofocus>Win</button></form>'
    )


def hostile_svg() -> str:
    """The same as a drawing."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="80"'
        " onload=\"document.title = 'ran'\">"
        f"<script><![CDATA[{_SCRIPT}]]></script><text y='40'>{HOSTILE}</text></svg>"
    )


def _rgb(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (part / 255 for part in colour)
    return red, green, blue
