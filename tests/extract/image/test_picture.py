"""Decoding of pictures: any format, mode and orientation into upright RGB, within limits."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFile

from prismd.errors import ExtractError
from prismd.extract.image.picture import PIXEL_LIMIT, PictureFile, open_upright, pixels

pillow_heif.register_heif_opener()

Write = Callable[[str, bytes | str], Path]

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 30), (30, 30, 200), (250, 250, 250)


def corners(width: int = 64, height: int = 32) -> Image.Image:
    """A picture whose four quarters differ: red, green, blue, white from top left, row by row."""
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    for colour, x, y in ((RED, 0, 0), (GREEN, 1, 0), (BLUE, 0, 1)):
        left, top = x * width // 2, y * height // 2
        draw.rectangle((left, top, left + width // 2 - 1, top + height // 2 - 1), fill=colour)
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def assert_corners(image: Image.Image, tolerance: int = 40) -> None:
    width, height = image.size
    places = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
    for (x, y), colour in zip(places, (RED, GREEN, BLUE, WHITE), strict=True):
        found = np.array(image.getpixel((int(x * width), int(y * height))))
        assert np.abs(found - colour).max() <= tolerance, (x, y, found, colour)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("WEBP", {"quality": 95}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("HEIF", {"quality": 95}),
        ("AVIF", {"quality": 95}),
    ],
)
def test_every_format_comes_out_as_rgb(write: Write, kind: str, options: dict[str, object]) -> None:
    found = open_upright(write("a", saved(corners(), kind, **options)))
    assert found.image.mode == "RGB"
    assert (found.width_px, found.height_px) == found.image.size == (64, 32)
    assert found.whole
    assert_corners(found.image)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_a_camera_held_sideways_saw_stands_upright(
    write: Write, kind: str, orientation: int
) -> None:
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    as_stored = corners()
    if orientation in turned:
        as_stored = as_stored.transpose(turned[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = open_upright(write("a", saved(as_stored, kind, exif=exif.tobytes())))
    assert (found.width_px, found.height_px) == found.image.size == (64, 32)
    assert_corners(found.image)


def _animated(kind: str) -> bytes:
    frames = [corners(), Image.new("RGB", (64, 32), "black")]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_seen(write: Write, kind: str) -> None:
    path = write("a", _animated(kind))
    with PictureFile(path) as file:
        assert file.pages() == [0]
        assert_corners(file.page().image)


def test_cmyk_is_seen_in_its_colours(write: Write) -> None:
    cmyk = corners().convert("CMYK")
    jpeg = saved(cmyk, "JPEG", quality=95)
    assert b"Adobe" in jpeg[:64], "its values are inverted, as Adobe's programs have it"
    for data in (jpeg, saved(cmyk, "TIFF")):
        assert_corners(open_upright(write("a", data)).image)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_deep_grey_fills_eight_bits(write: Write, bits: int) -> None:
    most = (1 << bits) - 1
    ramp = np.linspace(0, most, 256).astype(np.uint16).reshape(1, 256).repeat(8, axis=0)
    for kind in ("TIFF", "PNG"):
        image = open_upright(write("a", saved(Image.fromarray(ramp), kind))).image
        found = np.asarray(image)[0, :, 0].astype(int)
        assert np.abs(found - np.arange(256)).max() <= 1


@pytest.mark.parametrize(("least", "most"), [(0.0, 1.0), (0.0, 255.0), (-5.0, 3.0), (0.0, 1e9)])
def test_floats_keep_their_order_and_fill_the_range(
    write: Write, least: float, most: float
) -> None:
    ramp = np.linspace(least, most, 256, dtype=np.float32).reshape(1, 256)
    ramp = np.vstack([ramp, np.full_like(ramp, np.nan)])
    found = np.asarray(open_upright(write("a.tif", saved(Image.fromarray(ramp), "TIFF"))).image)
    assert found[0, 0, 0] == 0
    assert found[0, -1, 0] == 255
    assert (np.diff(found[0, :, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (200, 220, 255), (60, 0, 0)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_stands_on_nothing_can_be_seen(
    write: Write, ink: tuple[int, int, int], mode: str
) -> None:
    image = Image.new("RGBA", (100, 40), (*ink, 0))
    ImageDraw.Draw(image).rectangle((10, 10, 40, 30), fill=(*ink, 255))
    found = np.asarray(open_upright(write("a.png", saved(image.convert(mode), "PNG"))).image)
    assert np.abs(found[20, 20].astype(int) - found[20, 80]).max() > 150


def test_an_opaque_picture_keeps_white_corners(write: Write) -> None:
    image = Image.new("RGBA", (100, 100), (240, 240, 240, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    found = open_upright(write("a.png", saved(image, "PNG"))).image
    assert found.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1"])
def test_a_colour_that_stands_for_nothing_is_transparent(write: Write, mode: str) -> None:
    image = Image.new(mode, (20, 20), 0)
    if mode == "P":
        image.putpalette([0, 0, 0, 250, 250, 250])
    key = (0, 0, 0) if mode == "RGB" else 0
    ink: dict[str, int | tuple[int, ...]] = {"P": 1, "L": 90, "RGB": (90, 90, 90), "1": 1}
    image.putpixel((5, 5), ink[mode])
    found = open_upright(write("a.png", saved(image, "PNG", transparency=key))).image
    seen = found.getpixel((5, 5))
    assert found.mode == "RGB"
    assert seen != found.getpixel((10, 10))


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F", "YCbCr"]),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    most_px=st.integers(1, 2000),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_mode_and_size_becomes_rgb_within_the_limit(
    tmp_path_factory: pytest.TempPathFactory,
    mode: str,
    width: int,
    height: int,
    most_px: int,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    deep = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    if mode in deep:
        values = random.integers(0, 60_000, (height, width)).astype(deep[mode])
        image = Image.fromarray(values)
    else:
        rgb = random.integers(0, 256, (height, width, 4)).astype(np.uint8)
        image = Image.fromarray(rgb).convert("RGB" if mode == "YCbCr" else "RGBA").convert(mode)
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes(saved(image, "TIFF" if mode in {"CMYK", "F", "I", "YCbCr"} else "PNG"))
    found = open_upright(path, most_px=most_px)
    assert found.image.mode == "RGB"
    assert np.asarray(found.image).dtype == np.uint8
    assert (found.width_px, found.height_px) == (width, height)
    assert found.image.width * found.image.height <= max(most_px, *found.image.size)


def test_lab_is_seen_in_its_colours(write: Write) -> None:
    from PIL import ImageCms

    lab = ImageCms.profileToProfile(
        corners(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert_corners(open_upright(write("a.tif", saved(lab, "TIFF"))).image)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "HEIF"])
def test_a_large_picture_is_made_smaller_and_its_size_kept(write: Write, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = corners(1200, 800).transpose(Image.Transpose.ROTATE_90)
    found = open_upright(write("a", saved(stored, kind, exif=exif.tobytes())), most_px=60_000)
    assert (found.width_px, found.height_px) == (1200, 800)
    assert 30_000 < found.image.width * found.image.height <= 60_000
    assert found.image.width / found.image.height == pytest.approx(1.5, rel=0.02)
    assert_corners(found.image)


def test_the_resolution_comes_from_the_file(write: Write) -> None:
    image = corners()
    assert open_upright(write("a.png", saved(image, "PNG", dpi=(300, 300)))).dpi == (300.0, 300.0)
    fax = open_upright(write("a.tif", saved(image, "TIFF", dpi=(204, 98))))
    assert fax.dpi == (204.0, 98.0)
    assert fax.points_per_px == (72 / 204, 72 / 98)
    nothing = open_upright(write("a.png", saved(image, "PNG")))
    assert nothing.dpi == (0.0, 0.0)
    assert nothing.points_per_px == (1.0, 1.0)
    assert open_upright(write("a.png", saved(image, "PNG", dpi=(1, 1)))).dpi == (0.0, 0.0)


def test_pages_of_a_scan_are_told_apart_and_its_thumbnails_left_out(write: Write) -> None:
    small = Image.new("RGB", (8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    pages = [corners(), Image.new("RGB", (30, 60), RED), small, Image.new("RGB", (50, 20), BLUE)]
    path = write("a.tif", saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    with PictureFile(path) as file:
        assert file.pages() == [0, 1, 3]
        first, second, last = (file.page(index) for index in file.pages())
    assert_corners(first.image)
    assert second.image.size == (30, 60)
    assert last.image.getpixel((3, 3)) == BLUE


def reference_pixels(image: Image.Image, edge_px: int) -> NDArray[np.uint8]:
    """What ``CLIPImageProcessor`` does: the shortest edge resized, then the centre cropped."""
    width, height = image.size
    short, long = (width, height) if width <= height else (height, width)
    resized = edge_px, int(edge_px * long / short)
    size = resized if width <= height else (resized[1], resized[0])
    values = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
    top, left = (size[1] - edge_px) // 2, (size[0] - edge_px) // 2
    return values[top : top + edge_px, left : left + edge_px]


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(20, 300),
    height=st.integers(20, 300),
    edge_px=st.sampled_from([32, 224]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_models_input_is_what_its_makers_code_gives(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, edge_px: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = Image.fromarray(random.integers(0, 256, (height, width, 3)).astype(np.uint8))
    path = tmp_path_factory.mktemp("clip") / "a.png"
    image.save(path)
    found = pixels(path, edge_px)
    assert found.shape == (edge_px, edge_px, 3)
    assert found.dtype == np.uint8
    assert (found == reference_pixels(image, edge_px)).all()


def test_a_thin_picture_does_not_become_a_long_one(write: Write) -> None:
    assert pixels(write("a.png", saved(Image.new("L", (60_000, 1), 9), "PNG")), 224).max() == 9


def test_the_end_of_a_file_may_be_missing(write: Write) -> None:
    noise = Image.effect_noise((400, 300), 80).convert("RGB")
    for kind in ("JPEG", "PNG"):
        data = saved(noise, kind)
        found = open_upright(write("a", data[: len(data) // 2]))
        assert not found.whole
        assert found.image.size == (400, 300)
        values = np.asarray(found.image).astype(int)
        assert np.abs(values[:100] - np.asarray(noise)[:100]).mean() < 20


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "HEIF", "AVIF"]),
    at=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_file_gives_a_picture_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    at: float,
    flips: list[tuple[float, int]],
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(
        saved(corners(), kind, **({} if kind in {"GIF", "BMP"} else {"exif": exif.tobytes()}))
    )
    for place, value in flips:
        data[int(place * len(data))] = value
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(data[: max(1, int(at * len(data)))])
    try:
        found = open_upright(path)
    except ExtractError as error:
        assert error.code in {"broken", "too_large"}
        assert "; " in str(error)
    else:
        assert found.image.mode == "RGB"


def png_of_zeros(width: int, height: int) -> bytes:
    """A PNG of one grey, whatever its size, a few hundred kilobytes of it."""

    def part(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    packed = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    body = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", body) + part(b"IEND", b"")


def test_a_bomb_is_refused_before_it_is_decoded(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    for data in (png_of_zeros(50_000, 50_000), png_of_zeros(PIXEL_LIMIT // 1000, 1008)):
        with pytest.raises(ExtractError, match="200 megapixels; save it smaller") as error:
            open_upright(write("a.png", data))
        assert error.value.code == "too_large"


def test_texts_that_unpack_without_end_leave_the_picture(write: Write) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Description", "a" * 30_000_000, zip=True)
    found = open_upright(write("a.png", saved(corners(), "PNG", pnginfo=info)))
    assert_corners(found.image)
    assert not found.whole


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture at all", b"8BPS\x00\x01" + bytes(60), b"%!PS-Adobe-3.0 EPSF-3.0\n"],
)
def test_other_formats_are_not_opened(write: Write, data: bytes) -> None:
    with pytest.raises(ExtractError, match="format is not recognised") as error:
        open_upright(write("a.png", data))
    assert error.value.code == "broken"


def test_a_file_that_cannot_be_opened_is_no_broken_picture(tmp_path: Path) -> None:
    with pytest.raises(ExtractError) as error:
        open_upright(tmp_path / "missing.png")
    assert error.value.code == "unreadable"
    assert error.value.transient


def test_damaged_files_are_read_strictly_again_afterwards(write: Write) -> None:
    data = saved(Image.effect_noise((64, 64), 80), "PNG")
    open_upright(write("a.png", data[: len(data) // 2]))
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
