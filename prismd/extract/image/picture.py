"""Pictures, decoded: upright, opaque, eight bits, within limits. Runs in a worker process only.

Whatever a camera, a scanner or a program has written comes out as one kind of image: RGB, as a
person sees it. A damaged file gives what can be decoded of it, and says so.
"""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from prismd.errors import ExtractError
from prismd.extract.image.modes import eight_bits, opaque

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "HEIF", "AVIF")
"""What is opened, by Pillow's names: no format that runs other programs or holds documents."""
PIXEL_LIMIT = 200_000_000
"""A picture beyond is refused: decoded it would take a gigabyte."""
MOST_PAGES = 2000
"""Of a file with more pages (TIFF), these are seen."""

_EXACT_PIXELS = 50_000_000
"""A picture beyond is made smaller before it becomes a model's input, to need less memory."""
_LONGEST_RATIO = 16
_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error, zlib.error),
    *(KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError, RuntimeError),
)
"""What Pillow's readers raise on damaged files."""
_ORIENTATION = 0x0112
_SUBFILE_TYPE = 0x00FE
_REDUCED = 1
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = frozenset({5, 6, 7, 8})
_POINTS = 72.0
"""In an inch."""
_LEAST_DPI, _MOST_DPI = 30.0, 4800.0
pillow_heif.register_heif_opener(decode_threads=1)
Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT


class Picture(msgspec.Struct, frozen=True):
    """A picture, or a page of one, as a person sees it.

    ``image`` is RGB and upright. It may be smaller than the picture itself, of which
    ``width_px`` and ``height_px`` tell the size, upright. ``dpi`` is the resolution across and
    down, of the picture itself; (0, 0) where the file does not say. ``whole`` is false where the
    file is damaged and parts are missing.
    """

    image: Image.Image
    width_px: int
    height_px: int
    dpi: tuple[float, float]
    whole: bool = True

    @property
    def points_per_px(self) -> tuple[float, float]:
        """The size of a pixel, across and down; a point where the resolution is not known."""
        across, down = self.dpi
        return (_POINTS / across, _POINTS / down) if across and down else (1.0, 1.0)


class PictureFile:
    """An open picture: its pages, one for all but TIFF, and what it says of itself.

    Of an animation only the first frame is seen.

    Attributes:
        image: As Pillow opens it, for its metadata.

    Raises:
        ExtractError: It is no picture of a known format, damaged (``broken``), or too large
            (``too_large``); so do its methods.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = contextlib.ExitStack()
        self._decoded = False
        try:
            self.image, self._intact = self._stack.enter_context(_opened(path)), True
        except ExtractError as error:
            if error.code != "broken":
                raise
            with _patience():
                self.image, self._intact = self._stack.enter_context(_opened(path)), False

    def __enter__(self) -> PictureFile:
        """The open picture."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file and give its memory back; what ``page`` gave stays."""
        self._stack.close()
        self.image.close()

    def pages(self) -> list[int]:
        """The pages, each as the index that ``page`` takes: at least one, at most ``MOST_PAGES``.

        Only TIFF has more than one. Copies in a lower resolution are left out.
        """
        if self.image.format != "TIFF":
            return [0]
        found: list[int] = []
        index = 0
        with contextlib.suppress(ExtractError), _reading():
            while len(found) < MOST_PAGES:
                self.image.seek(index)
                if not _subfile_type(self.image) & _REDUCED:
                    found.append(index)
                index += 1
        return found or [0]

    def page(self, index: int = 0, most_px: int = PIXEL_LIMIT) -> Picture:
        """Decode a page.

        Args:
            index: From 0.
            most_px: How many pixels the image may have; one that has more is made smaller.
        """
        if self._intact:
            try:
                return self._decode(index, most_px)
            except ExtractError as error:
                if error.code != "broken":
                    raise
        with _patience(), _opened(self._path) as image:
            found = _decode(image, index, most_px)
        if _is_blank(found.image):
            raise _broken("nothing of it can be decoded")
        return msgspec.structs.replace(found, whole=False)

    def _decode(self, index: int, most_px: int) -> Picture:
        # Pages are found one after the other, so TIFF stays open in between; of others, what
        # has been decoded is in the image's place.
        if self.image.format == "TIFF" or not self._decoded:
            self._decoded = True
            return _decode(self.image, index, most_px)
        with _opened(self._path) as image:
            return _decode(image, index, most_px)


def open_upright(path: Path, page: int = 0, most_px: int = PIXEL_LIMIT) -> Picture:
    """Decode a picture; see ``PictureFile.page``.

    Raises:
        ExtractError: As ``PictureFile``.
    """
    with PictureFile(path) as file:
        return file.page(page, most_px)


def pixels(path: Path, edge_px: int) -> NDArray[np.uint8]:
    """A picture as the input of a model that looks at squares.

    What Hugging Face's ``CLIPImageProcessor`` does before it rescales: the shorter edge is
    resized to ``edge_px`` (bicubic), and the middle of the longer one is kept.

    Returns:
        Shape ``(edge_px, edge_px, 3)``, RGB.

    Raises:
        ExtractError: As ``PictureFile``.
    """
    image = open_upright(path, most_px=_EXACT_PIXELS).image
    short = min(image.size)
    # Resized, a long thin picture would take any amount of memory.
    image = _middle(image, *(min(side, _LONGEST_RATIO * short) for side in image.size))
    width, height = (int(edge_px * side / short) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(_middle(image, edge_px, edge_px), np.uint8)


def _middle(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Pillow's errors as ours, its warnings unheard."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise _broken("its format is not recognised") from error
    except (FileNotFoundError, PermissionError) as error:
        raise ExtractError(
            f"it cannot be opened ({error.strerror}); check that it is there and may be read",
            code="unreadable",
            transient=True,
        ) from error
    except _ERRORS as error:
        raise _broken(_cause(error)) from error


def _cause(error: Exception) -> str:
    # Only these were raised on purpose, and some of them say no more than a number.
    told = type(error) in {OSError, SyntaxError, ValueError} and " " in str(error)
    return "its data are damaged" if not told or "decoder error" in str(error) else str(error)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Decode as much of a damaged file as can be, in place of nothing."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with _reading():
        image = Image.open(path, formats=FORMATS)
    with image:
        yield image


def _decode(image: Image.Image, index: int, most_px: int) -> Picture:
    with _reading():
        if image.tell() != index:
            image.seek(index)
        _check_size(image)
        # Pillow turns TIFF by itself while it loads; all others are turned here.
        turn = 1 if image.format == "TIFF" else _orientation(image)
        dpi = _dpi(image)
        size = _draft(image, most_px)
        image.load()
        _check_size(image)
        width, height = size or image.size
        made = _smaller(eight_bits(image), most_px)
        if (how := _TRANSPOSITIONS.get(turn)) is not None:
            made = made.transpose(how)
        made = opaque(made)
        if made is image:
            made = image.copy()  # the file's own changes with its next page
    if turn in _TURNED:
        width, height, dpi = height, width, (dpi[1], dpi[0])
    return Picture(made, width, height, dpi)


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > PIXEL_LIMIT:
        raise _too_large()


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _ERRORS:  # damaged EXIF is no reason not to see the picture
        return 1


def _subfile_type(image: Image.Image) -> int:
    try:
        return int(image.tag_v2.get(_SUBFILE_TYPE, 0))  # type: ignore[attr-defined]
    except _ERRORS:
        return 0


def _dpi(image: Image.Image) -> tuple[float, float]:
    try:
        across, down = (round(float(value), 2) for value in image.info["dpi"])
    except _ERRORS:
        return 0.0, 0.0
    known = all(_LEAST_DPI <= value <= _MOST_DPI for value in (across, down))
    return (across, down) if known else (0.0, 0.0)


def _draft(image: Image.Image, most_px: int) -> tuple[int, int] | None:
    """Have a JPEG decoded smaller, but to no fewer pixels than may be; gives its full size."""
    scale = (image.width * image.height / most_px) ** 0.5
    if scale <= 1 or image.format not in {"JPEG", "MPO"}:
        return None
    size = image.size
    image.draft(None, (int(image.width / scale), int(image.height / scale)))
    return size


def _smaller(image: Image.Image, most_px: int) -> Image.Image:
    """The image within a number of pixels; never enlarged."""
    scale = (image.width * image.height / max(1, most_px)) ** 0.5
    if scale <= 1:
        return image
    size = max(1, int(image.width / scale)), max(1, int(image.height / scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _is_blank(image: Image.Image) -> bool:
    return all(low == high for low, high in image.getextrema())  # type: ignore[misc]


def _broken(cause: str) -> ExtractError:
    cause = " ".join(cause.split())[:200].rstrip(".")
    return ExtractError(
        f"not a readable picture ({cause}); open it in an image viewer and save it anew "
        "to index it",
        code="broken",
    )


def _too_large() -> ExtractError:
    return ExtractError(
        f"it has more than {PIXEL_LIMIT // 1_000_000} megapixels; "
        "save it smaller, or in parts, to index it",
        code="too_large",
    )
