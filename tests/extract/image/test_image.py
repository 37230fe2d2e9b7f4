"""Images as documents: a caption of what they say of themselves, and the words they show."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.ExifTags import IFD, Base

from prismd.chunk import Chunking, chunk
from prismd.domain import Box, Extraction, ImageLocator, PageLocator
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.image.extractor import ImageExtractor, page_list
from prismd.extract.ocr import reader as ocr
from prismd.extract.pieces import Piece, keeping
from prismd.extract.steps import listening
from prismd.layout import line_index, locate, unpack
from tests.needing import needs

Write = Callable[[str, bytes | str], Path]

ENGLISH = ExtractOptions(ocr_languages=("eng",))
NO_OCR = ExtractOptions(ocr=False)

needs_ocr = needs(ocr.available(ENGLISH), "Tesseract with its English data is not installed")


def word_offsets(text: str) -> NDArray[np.int32]:
    """Tokens that are words."""
    found = [match.span() for match in re.finditer(r"\S+", text)]
    return np.array(found, np.int32).reshape(-1, 2)


def page_of(text: str, width: int = 1000, height: int = 400, size: int = 40) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).multiline_text((80, 60), text, fill="black", font=font, spacing=size // 4)
    return image


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scan(pages: list[Image.Image], **options: object) -> bytes:
    return saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], **options)


def read(path: Path, options: ExtractOptions = ENGLISH) -> Extraction:
    return ImageExtractor().extract(path, "image/png", options)


def boxes_of(extraction: Extraction, words: str) -> tuple[Box, ...]:
    start = extraction.text.index(words)
    place = locate(extraction.layout, line_index(extraction.text), start, start + len(words))
    assert isinstance(place, ImageLocator | PageLocator)
    return place.boxes


def ink(image: Image.Image, box: Box) -> float:
    """The share of all dark pixels that stand in a box."""
    dark = np.asarray(image.convert("L")) < 128
    left, top, right, bottom = (int(side) for side in box)
    return float(dark[top : bottom + 1, left : right + 1].sum() / dark.sum())


@needs_ocr
def test_words_on_a_picture_are_found_where_they_stand(write: Write) -> None:
    image = page_of("The copper kettle\nwhistles at noon")
    found = read(write("a.png", saved(image)))
    assert found.text == "The copper kettle\nwhistles at noon"
    assert found.layout.kind == "image"
    assert (found.layout.pages[0].width, found.layout.pages[0].height) == image.size
    assert found.engines["ocr"].startswith("tesseract")
    (everything,) = boxes_of(found, "The copper kettle")
    alone = page_of("The copper kettle\n")
    assert ink(alone, everything) > 0.98
    assert everything[3] - everything[1] < 60


@needs_ocr
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orientation=st.integers(1, 8))
def test_boxes_are_those_of_the_upright_picture(
    tmp_path_factory: pytest.TempPathFactory, orientation: int
) -> None:
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = page_of("The copper kettle")
    turned = upright.transpose(stored[orientation]) if orientation in stored else upright
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    path = tmp_path_factory.mktemp("turned") / "a.jpg"
    turned.save(path, exif=exif, quality=95)
    found = read(path)
    assert found.text == "The copper kettle"
    assert (found.layout.pages[0].width, found.layout.pages[0].height) == upright.size
    assert ink(upright, boxes_of(found, "copper")[0]) == pytest.approx(0.37, abs=0.08)


@needs_ocr
def test_boxes_of_a_huge_picture_are_in_its_own_pixels(write: Write) -> None:
    image = page_of("The copper kettle", 1000, 800).resize((5000, 4000))
    found = read(write("a.jpg", saved(image, "JPEG")))
    assert (found.layout.pages[0].width, found.layout.pages[0].height) == (5000, 4000)
    assert ink(image, boxes_of(found, "The copper kettle")[0]) > 0.97


def test_a_picture_says_when_and_with_what_it_was_taken(write: Write) -> None:
    exif = Image.Exif()
    exif[Base.Model] = "Pixel 9"
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "2024:05:02 14:03:07"
    found = read(write("a.jpg", saved(Image.new("RGB", (60, 40)), "JPEG", exif=exif)), NO_OCR)
    assert found.text == "Taken: 2 May 2024 14:03 (2024-05-02)\nCamera: Pixel 9"
    assert [block.kind for block in found.blocks] == ["caption"]
    assert found.metadata["taken_at"] == "2024-05-02T14:03:07"
    assert found.metadata["camera"] == "Pixel 9"
    assert (found.metadata["width_px"], found.metadata["height_px"]) == ("60", "40")
    (passage,) = chunk(found, word_offsets, Chunking())
    assert passage.locator == ImageLocator((), 60, 40)


@needs_ocr
def test_caption_and_words_follow_each_other(write: Write) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "The kitchen")
    found = read(write("a.png", saved(page_of("The copper kettle"), pnginfo=info)))
    assert found.title == "The kitchen"
    assert found.text == "Title: The kitchen\n\nThe copper kettle"
    assert [block.kind for block in found.blocks] == ["caption", "paragraph"]
    assert not boxes_of(found, "Title: The kitchen")
    assert boxes_of(found, "copper")


@needs_ocr
def test_a_picture_without_text_has_none(write: Write) -> None:
    found = read(write("a.png", saved(Image.linear_gradient("L"))))
    assert found.text == ""
    assert found.blocks == ()
    assert found.title == ""
    assert found.layout.pages[0].note == "no text was found on it"
    assert found.engines["ocr"]
    assert chunk(found, word_offsets, Chunking()) == []


def test_pictures_are_not_read_where_that_is_switched_off(write: Write) -> None:
    found = read(write("a.png", saved(page_of("The copper kettle"))), NO_OCR)
    assert found.text == ""
    assert found.engines == {}
    assert found.layout.pages[0].note == "not read, as it is set"


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from prismd.extract.ocr import tesseract as ocr_tesseract

    monkeypatch.setenv("PATH", "/nowhere")
    ocr_tesseract.engine.cache_clear()
    yield
    ocr_tesseract.engine.cache_clear()


@pytest.mark.usefixtures("no_tesseract")
def test_without_tesseract_it_is_told_that_one_was_wanted(write: Write) -> None:
    found = read(write("a.png", saved(page_of("The copper kettle"))))
    assert found.text == ""
    assert found.engines == {"ocr": ""}
    assert found.layout.pages[0].note == "not read: Tesseract is not installed"


@needs_ocr
def test_pages_of_a_scan_that_are_known_are_not_read_again(write: Write) -> None:
    path = write("a.tif", scan([page_of("Page one"), page_of("Page two")], dpi=(200, 200)))
    told: list[Piece] = []
    with keeping((), told.append):
        whole = read(path)
    assert sorted(piece.number for piece in told) == [1, 2]
    for known in (told[:1], told):
        again: list[Piece] = []
        with keeping(known, again.append):
            assert read(path) == whole
        assert len(again) == 2 - len(known)


@needs_ocr
def test_a_scan_of_several_pages_is_a_document_with_pages(write: Write) -> None:
    texts = [f"Page number {word}" for word in ("one", "two", "three", "four")]
    pages = [page_of(text) for text in texts]
    path = write("a.tif", scan(pages, dpi=(200, 200)))
    steps: list[tuple[int, int]] = []
    with listening(lambda done, total: steps.append((done, total))):
        found = read(path)
    assert found.text == "\n\n".join(texts)
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert found.layout.kind == "page"
    assert found.metadata["pages"] == "4"
    assert [page.number for page in found.layout.pages] == [1, 2, 3, 4]
    assert {(page.width, page.height) for page in found.layout.pages} == {(360.0, 144.0)}
    for page, text in zip(found.layout.pages, texts, strict=True):
        assert found.text[page.char_start : page.char_end] == text
    (box,) = boxes_of(found, "Page number three")
    in_pixels = tuple(side * 200 / 72 for side in box)
    assert ink(pages[2], (in_pixels[0], in_pixels[1], in_pixels[2], in_pixels[3])) > 0.97


@needs_ocr
def test_a_fax_is_read_and_marked_as_it_looks_on_paper(write: Write) -> None:
    on_paper = page_of("Order of copper kettles", 1728, 1000, 50)
    squashed = on_paper.resize((1728, 480)).convert("1")
    path = write("a.tif", scan([squashed, squashed], dpi=(204, 98), compression="group4"))
    found = read(path)
    assert found.text == "Order of copper kettles\n\nOrder of copper kettles"
    page = found.layout.pages[0]
    assert page.width == pytest.approx(1728 * 72 / 204)
    assert page.height == pytest.approx(480 * 72 / 98)
    x0, y0, x1, y1 = boxes_of(found, "Order of copper kettles")[0]
    across, down = 204 / 72, 98 / 72
    assert ink(squashed, (x0 * across, y0 * down, x1 * across, y1 * down)) > 0.95


def test_a_broken_page_does_not_take_the_others_with_it(write: Write) -> None:
    noise = Image.effect_noise((300, 300), 90)
    data = bytearray(scan([noise, noise, noise], compression="tiff_lzw"))
    # The middle page's strips, made unreadable.
    with Image.open(io.BytesIO(bytes(data))) as image:
        image.seek(1)
        start, size = image.tag_v2[273][0], sum(image.tag_v2[279])  # type: ignore[attr-defined]
    data[start : start + size] = b"\xff" * size
    found = read(write("a.tif", bytes(data)), NO_OCR)
    assert [page.number for page in found.layout.pages] == [1, 3]
    assert found.warnings == ("page 2 is damaged and left out",)


def test_a_damaged_picture_says_so(write: Write) -> None:
    data = saved(Image.effect_noise((300, 300), 90))
    found = read(write("a.png", data[: len(data) // 2]), NO_OCR)
    assert found.warnings == ("the file is damaged; what could be decoded of it is indexed",)


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0 and no more", b"II*\0\xff\xff\xff\xff"])
def test_a_broken_picture_has_a_reason(write: Write, data: bytes) -> None:
    with pytest.raises(ExtractError, match=r"not a readable picture [(].*[)]; open it") as error:
        read(write("a.jpg", data), NO_OCR)
    assert error.value.code == "broken"


@needs_ocr
def test_what_goes_beyond_the_limit_of_text_is_cut(write: Write) -> None:
    path = write("a.tif", scan([page_of("The copper kettle"), page_of("whistles at noon")]))
    found = read(path, ExtractOptions(ocr_languages=("eng",), max_chars=12))
    assert found.text == "The copper k"
    spans = unpack(found.layout)
    assert [found.text[a:b] for a, b in zip(spans.starts, spans.ends, strict=True)] == [
        "The",
        "copper",
    ]
    assert found.warnings == ("only its first 12 characters are indexed",)


def test_pages_are_named_in_few_words() -> None:
    assert page_list([3]) == "page 3"
    assert page_list([3, 4]) == "pages 3, 4"
    assert page_list(list(range(1, 25))) == "pages 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 14 more"
