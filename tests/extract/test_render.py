"""Pages as images, places marked."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from prismd.errors import EncryptedDocument, ExtractError, UnsupportedMedia
from prismd.extract.base import ExtractOptions
from prismd.extract.image import picture
from prismd.extract.pdf.extractor import PdfExtractor
from prismd.extract.pool import ExtractPool
from prismd.extract.render import render_page, thumbnail
from prismd.layout import line_index, locate

_AES_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its types lack
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def write(path: Path, *, rotation: int = 0, password: str = "", size: float = 600) -> Path:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=size, height=size * 1.4)
        page.insert_text((72, 144), "Marked words of a page", fontsize=14)
        page.set_rotation(rotation)
        if password:
            pdf.save(path, encryption=_AES_256, user_pw=password)
        else:
            pdf.save(path)
    return path


def pixels(png: bytes) -> Pixels:
    image = pymupdf.Pixmap(png)
    return np.frombuffer(image.samples, np.uint8).reshape(image.height, image.width, image.n)


def bounds(first: Pixels, second: Pixels) -> list[int]:
    differs = np.argwhere((first != second).any(axis=2))
    (top, left), (bottom, right) = differs.min(axis=0), differs.max(axis=0)
    return [int(left), int(top), int(right), int(bottom)]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("dpi", [72, 144])
def test_the_mark_stands_where_the_extractor_found_the_words(
    tmp_path: Path, rotation: int, dpi: int
) -> None:
    path = write(tmp_path / "a.pdf", rotation=rotation)
    extraction = PdfExtractor().extract(path, "application/pdf", ExtractOptions())
    start = extraction.text.index("words")
    place = locate(extraction.layout, line_index(extraction.text), start, start + 5)
    boxes = place.boxes  # type: ignore[union-attr]
    plain = pixels(render_page(path, 1, [], dpi))
    marked = pixels(render_page(path, 1, boxes, dpi))
    expected = np.array(boxes[0]) * dpi / 72
    assert np.allclose(bounds(plain, marked), expected, atol=3 * dpi / 72)
    left, top, right, bottom = (int(side) for side in expected)
    inner = marked[top + 2 : bottom - 2, left + 2 : right - 2]
    assert (inner[..., 2] < 120).mean() > 0.5, "a highlighter's colour"
    assert inner.min() < 60, "the words can still be read"


def test_a_box_beyond_the_page_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf")
    plain = render_page(path, 1, [], 72)
    assert render_page(path, 1, [(700, 900, 800, 950)], 72) == plain
    assert render_page(path, 1, [(-50, -50, -10, -10)], 72) == plain
    marked = pixels(render_page(path, 1, [(-50, -50, 10_000, 20)], 72))
    assert bounds(pixels(plain), marked)[:2] == [0, 0]


def test_a_huge_page_is_shown_smaller(tmp_path: Path) -> None:
    image = pixels(render_page(write(tmp_path / "a.pdf", size=10_000), 1, [], 300))
    assert image.shape[0] * image.shape[1] < 13_000_000


@pytest.mark.parametrize("page", [0, 2, -1, 10**9])
def test_a_page_that_is_not_there_is_named(tmp_path: Path, page: int) -> None:
    with pytest.raises(ExtractError, match="1 pages") as caught:
        render_page(write(tmp_path / "a.pdf"), page, [], 72)
    assert caught.value.code == "no_page"


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    locked = write(tmp_path / "a.pdf", password="secret")
    with pytest.raises(EncryptedDocument):
        render_page(locked, 1, [], 72)
    broken = tmp_path / "b.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing more")
    with pytest.raises(ExtractError):
        render_page(broken, 1, [], 72)


def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.pdf")
    write(tmp_path / "a.pdf").rename(path)
    assert pixels(render_page(path, 1, [], 72)).shape == (840, 600, 3)


@pytest.mark.parametrize("content", [b"<html><body>Hello</body></html>", b"Plain words."])
def test_only_pdfs_and_pictures_are_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(content)
    with pytest.raises(UnsupportedMedia, match="only pages of PDFs and pictures"):
        render_page(path, 1, [], 72)


def test_a_damaged_page_tree_has_its_reason_and_not_its_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes().replace(b"/Count 1", b"/Count 9999999"))
    with pytest.raises(ExtractError, match="cannot be shown as a PDF") as error:
        render_page(path, 1, [], 72)
    assert str(tmp_path) not in str(error.value)


def photograph(path: Path, width: int, height: int, *, orientation: int = 1) -> Path:
    """A grey picture, the top left tenth of it (as it is shown) black."""
    upright = Image.new("RGB", (width, height), (180, 180, 180))
    upright.paste((0, 0, 0), (0, 0, width // 10, height // 10))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else upright
    stored.save(path, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_mark_on_a_picture_stands_in_its_pixels(tmp_path: Path, orientation: int) -> None:
    path = photograph(tmp_path / "a.png", 600, 400, orientation=orientation)
    plain = pixels(render_page(path, 1, [], 72))
    marked = pixels(render_page(path, 1, [(100, 200, 300, 250)], 300))
    assert plain.shape == (400, 600, 3)
    assert plain[:39, :59].max() == 0
    assert np.allclose(bounds(plain, marked), [100, 200, 300, 250], atol=4)


def test_a_large_picture_is_shown_smaller_and_so_are_its_marks(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", 6000, 3000)
    plain = pixels(render_page(path, 1, [], 72))
    marked = pixels(render_page(path, 1, [(1500, 1500, 3000, 1800)], 72))
    assert plain.shape == (1000, 2000, 3)
    assert np.allclose(bounds(plain, marked), [500, 500, 1000, 600], atol=4)


def test_a_page_of_a_scan_is_marked_in_points(tmp_path: Path) -> None:
    pages = [Image.new("L", (1700, 1078), level) for level in (100, 200)]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], dpi=(204, 98))
    plain = pixels(render_page(path, 2, [], 72))
    marked = pixels(render_page(path, 2, [(72, 144, 144, 216)], 72))
    across, down = plain.shape[1] / (1700 * 72 / 204), plain.shape[0] / (1078 * 72 / 98)
    assert across == pytest.approx(down, rel=0.01), "a fax is shown as it looks on paper"
    expected = np.array([72 * across, 144 * down, 144 * across, 216 * down])
    assert np.allclose(bounds(plain, marked), expected, atol=4)
    assert plain.min() == 200
    with pytest.raises(ExtractError, match="has 2 pages") as error:
        render_page(path, 3, [], 72)
    assert error.value.code == "no_page"


@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "I;16", "1", "P"])
def test_any_picture_can_be_shown(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new("L", (50, 30), 255).convert(mode).save(path)
    assert pixels(render_page(path, 1, [], 72)).shape == (30, 50, 3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_thumbnail_is_small_and_upright(tmp_path: Path, orientation: int) -> None:
    path = photograph(tmp_path / "a.jpg", 3000, 2000, orientation=orientation)
    with Image.open(io.BytesIO(thumbnail(path, 300))) as small:
        assert small.format == "JPEG"
        assert small.size == (300, 200)
        values = np.asarray(small)
    assert values[:17, :27].max() < 60
    assert values[:, 40:].min() > 120


def test_a_thumbnail_is_not_larger_than_the_picture(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(thumbnail(photograph(tmp_path / "a.png", 40, 20), 300))) as small:
        assert small.size == (40, 20)


@pytest.fixture
def pool() -> Iterator[ExtractPool]:
    made = ExtractPool(1, deadline_s=60)
    yield made
    made.close()


def test_the_pool_renders_in_a_worker_and_goes_on_reading(
    tmp_path: Path, pool: ExtractPool
) -> None:
    path = write(tmp_path / "a.pdf")
    boxes = ((72.0, 130.0, 200.0, 150.0),)
    assert pool.render(path, 1, boxes, 72) == render_page(path, 1, boxes, 72)
    assert pool.extract(path)[1].text.startswith("Marked words")
    with pytest.raises(ExtractError, match=r"^a\.pdf: has 1 pages"):
        pool.render(path, 9, (), 72)
    assert len(pool.worker_pids()) == 1


def test_a_preview_does_not_wait_for_files_that_are_read(tmp_path: Path, pool: ExtractPool) -> None:
    path = write(tmp_path / "a.pdf")
    with pool._slots:  # as if a file were being read
        assert pool.render(path, 1, (), 72)


def test_the_pool_shows_pictures(tmp_path: Path, pool: ExtractPool) -> None:
    path = photograph(tmp_path / "a.png", 600, 400)
    boxes = ((10.0, 20.0, 30.0, 40.0),)
    assert pool.render(path, 1, boxes, 72) == render_page(path, 1, boxes, 72)
    assert pool.thumbnail(path, 100) == thumbnail(path, 100)
    assert (pool.pixels(path, 32) == picture.pixels(path, 32)).all()
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for ask in (
        lambda: pool.render(tmp_path / "b.png", 1, (), 72),
        lambda: pool.thumbnail(tmp_path / "b.png", 100),
        lambda: pool.pixels(tmp_path / "b.png", 32),
    ):
        with pytest.raises(ExtractError, match=r"^b\.png: not a readable picture"):
            ask()
    assert len(pool.worker_pids()) == 1


def test_pictures_for_a_model_hold_up_no_preview(tmp_path: Path, pool: ExtractPool) -> None:
    path = photograph(tmp_path / "a.png", 60, 40)
    with pool._picture_slot:  # as if a picture were being decoded
        assert pool.thumbnail(path, 10)
    with pool._slots, pool._render_slot:
        assert pool.pixels(path, 32).shape == (32, 32, 3)
