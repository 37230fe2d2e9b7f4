"""Pictures made to do harm, through real workers under a cap of memory: each has its reason."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from prismd.domain import Extraction
from prismd.errors import ExtractError
from prismd.extract.base import ExtractOptions
from prismd.extract.pool import ExtractPool

pillow_heif.register_heif_opener()

Write = Callable[[str, bytes | str], Path]

NO_OCR = ExtractOptions(ocr=False)
KINDS = ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "HEIF", "AVIF"]


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractPool]:
    """A pool whose one worker survives all that it is given here."""
    made = ExtractPool(1, deadline_s=60, memory_bytes=2 << 30, recycle_after=100_000)
    with pytest.raises(ExtractError):
        made.thumbnail(Path("no such file"), 1)
    before = made.worker_pids()
    yield made
    after = made.worker_pids()
    made.close()
    assert after == before


def read(pool: ExtractPool, path: Path) -> Extraction | ExtractError:
    """What there is to read, or why there is not; asks for its pictures as well."""
    for ask in (
        lambda: pool.pixels(path, 32),
        lambda: pool.thumbnail(path, 64),
        lambda: pool.render(path, 1, ((0.0, 0.0, 9.0, 9.0),), 72),
    ):
        try:
            ask()
        except ExtractError as error:
            assert "; " in str(error)
    try:
        return pool.extract(path, NO_OCR)[1]
    except ExtractError as error:
        assert str(error).startswith(f"{path.name}: ")
        assert "; " in str(error)
        return error


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_part(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_zeros(width: int, height: int) -> bytes:
    """A black PNG of one bit per pixel, small for its size."""
    packed = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = png_part(b"IHDR", head) + png_part(b"IDAT", body) + png_part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff(tags: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    return head + entries + struct.pack("<I", following) + bytes(200)


SMALL = [(256, 4, 1, 10), (257, 4, 1, 10), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8)]


def test_a_bomb_is_refused(pool: ExtractPool, write: Write) -> None:
    found = read(pool, write("a.png", png_of_zeros(50_000, 50_000)))
    assert isinstance(found, ExtractError)
    assert found.code == "too_large"


def test_a_picture_within_the_limit_is_read_within_the_memory(
    pool: ExtractPool, write: Write
) -> None:
    found = pool.extract(write("a.png", png_of_zeros(14_000, 14_000)), NO_OCR)[1]
    assert found.layout.pages[0].width == 14_000


def test_tags_that_claim_gigabytes_are_no_picture(pool: ExtractPool, write: Write) -> None:
    tags = [
        *((256, 4, 1, 100), (257, 4, 1, 100), (258, 3, 0xFFFFFFFF, 8), (262, 3, 1, 2)),
        *((270, 2, 0xFFFFFFFF, 8), (273, 4, 0x7FFFFFFF, 8), (277, 3, 1, 0xFFFF)),
        *((278, 4, 1, 0xFFFFFFFF), (279, 4, 0x7FFFFFFF, 8)),
    ]
    assert isinstance(read(pool, write("a.tif", tiff(tags))), ExtractError)


def test_pages_that_follow_themselves_end(pool: ExtractPool, write: Write) -> None:
    found = read(pool, write("a.tif", tiff(SMALL, following=8)))
    assert isinstance(found, Extraction)
    assert len(found.layout.pages) == 1


def test_of_endless_pages_the_first_are_read(pool: ExtractPool, write: Write) -> None:
    size = 2 + 12 * len(SMALL) + 4
    entries = b"".join(struct.pack("<HHII", *tag) for tag in SMALL)
    pages = (
        struct.pack("<H", len(SMALL)) + entries + struct.pack("<I", 8 + size * (n + 1))
        for n in range(20_000)
    )
    data = b"II*\0\x08\0\0\0" + b"".join(pages) + struct.pack("<H", 0) + bytes(200)
    found = read(pool, write("a.tif", data))
    assert isinstance(found, Extraction)
    assert len(found.layout.pages) == 2000
    assert "only its first 2,000 pages are indexed" in found.warnings


def test_of_endless_frames_the_first_is_read(pool: ExtractPool, write: Write) -> None:
    gif = saved(Image.new("P", (8, 8)), "GIF")
    frame = gif.index(b",\0\0\0\0")
    data = gif[:frame] + gif[frame:-1] * 500_000 + b";"
    assert isinstance(read(pool, write("a.gif", data)), Extraction)


def test_exif_that_unfolds_or_turns_in_circles_is_left(pool: ExtractPool, write: Write) -> None:
    count = 5000
    at = 8 + 2 + 12 * count + 4
    entries = b"".join(struct.pack("<HHII", 1000 + n, 7, 50_000, at) for n in range(count))
    start = b"Exif\0\0II*\0\x08\0\0\0"
    unfolding = start + struct.pack("<H", count) + entries + bytes(4 + 50_000)
    circle = start + struct.pack("<H", 2)
    circle += struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8)
    circle += struct.pack("<I", 8)
    for exif, kind in ((unfolding, "WEBP"), (circle, "JPEG")):
        found = read(pool, write("a", saved(Image.new("RGB", (8, 8)), kind, exif=exif)))
        assert isinstance(found, Extraction)
        assert found.text == ""


@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_off_anywhere_give_a_picture_or_a_reason(
    pool: ExtractPool, write: Write, kind: str
) -> None:
    data = saved(Image.effect_noise((200, 150), 60).convert("RGB"), kind)
    chosen = random.Random(kind)
    found = [read(pool, write("a", data[: chosen.randrange(100, len(data) - 4)])) for _ in range(6)]
    for each in found:
        if isinstance(each, ExtractError):
            assert each.code in {"broken", "unsupported"}
        else:
            assert each.layout.pages[0].width == 200


@pytest.mark.parametrize("kind", KINDS)
def test_files_with_wrong_bytes_give_a_picture_or_a_reason(
    pool: ExtractPool, write: Write, kind: str
) -> None:
    data = saved(Image.effect_noise((200, 150), 60).convert("RGB"), kind)
    chosen = random.Random(kind)
    for count in (1, 10, 100):
        damaged = bytearray(data)
        for _ in range(count):
            damaged[chosen.randrange(16, len(data))] = chosen.randrange(256)
        read(pool, write("a", bytes(damaged)))


def test_a_size_that_is_a_lie_is_refused(pool: ExtractPool, write: Write) -> None:
    data = bytearray(saved(Image.new("RGB", (64, 64)), "HEIF"))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 60_000, 60_000)
    found = read(pool, write("a.heic", bytes(data)))
    assert isinstance(found, ExtractError)
    assert found.code == "too_large"
