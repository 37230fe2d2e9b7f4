"""Pictures and recordings that come with a request: named files, or bytes in a data URL."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prismd.api.services import Services
from prismd.errors import CANCELLED, ExtractError, RequestError
from prismd.search.likeness import Example
from prismd.search.viewing import stored
from prismd.store import listing

MAX_PICTURE_BYTES = 30_000_000
BODY_BYTES = 45_000_000
"""Room for one picture as base64, with what else is asked."""
_DATA_URL = re.compile(r"data:image/[\w.+*-]{1,40}(?:;[\w=-]{1,40}){0,4};base64,", re.IGNORECASE)
_SVG = re.compile(r"data:image/svg", re.IGNORECASE)
_START = "data:image/"
_FILE_ID = re.compile(r"file-([1-9][0-9]{0,17})")


def is_data_url(value: str) -> bool:
    """Whether a text is a picture."""
    return value[: len(_START)].lower() == _START


def example_of(services: Services, kind: Literal["image", "audio"], given: str) -> Example:
    """What a request's ``image`` or ``audio`` stands for. Blocks.

    Raises:
        RequestError: It is neither a file of the index nor a picture, the file is gone (404), or
            there is no model.
        ModelError: The model fails.
    """
    likeness = services.search.likeness
    if match := _FILE_ID.fullmatch(given):
        if services.database.read(lambda c: listing.record(c, int(match[1]))) is None:
            raise RequestError(
                f"{kind}: there is no {given}; GET /files?type={kind} lists what there is",
                param=kind,
                status=404,
                code="file_not_found",
            )
        return likeness.example(kind, int(match[1]))
    if kind == "image" and is_data_url(given):
        edge_px = likeness.model().edge_px
        return Example("image", likeness.embed_picture(pixels_of(services, given, edge_px, kind)))
    forms = (
        "the id of a file of the index, such as file-12, or data:image/png;base64,…"
        if kind == "image"
        else "the id of a recording of the index, such as file-12"
    )
    raise RequestError(f"{kind}: give {forms}", param=kind, code="invalid_request")


def pixels_of(services: Services, url: str, edge_px: int, param: str) -> NDArray[np.uint8]:
    """The picture of a data URL as a model takes it, decoded in a worker process. Blocks.

    Returns:
        Shape ``(edge_px, edge_px, 3)``, RGB.

    Raises:
        RequestError: It is no picture that can be read.
    """
    with stored(bytes_of(url, param)) as file, picture_of(param):
        return services.pool.pixels(file.path, edge_px, asked=True)


@contextmanager
def picture_of(param: str) -> Iterator[None]:
    """What is wrong with a picture as the fault of the field that it came in.

    Raises:
        RequestError: It cannot be read.
        ExtractError: Reading it was called off, which is not its fault.
    """
    try:
        yield
    except ExtractError as error:
        if error.code == CANCELLED:
            raise
        # The rest says how to have it indexed.
        cause = (str(error).partition(": ")[2] or str(error)).partition("; ")[0]
        raise RequestError(
            f"{param}: the picture cannot be read ({cause}); save it anew as PNG or JPEG, and send"
            " that",
            param=param,
            code="invalid_image",
        ) from error


def bytes_of(url: str, param: str) -> bytes:
    """The file that a data URL holds.

    Raises:
        RequestError: It is no picture in base64, or a large one (413).
    """
    if _SVG.match(url):
        raise RequestError(
            f"{param}: SVG is a drawing, not a picture of pixels, and is not read; send it as PNG",
            param=param,
            code="invalid_image",
        )
    match = _DATA_URL.match(url)
    try:
        coded = "".join(url[match.end() :].split()) if match else ""  # it may come in lines
        data = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise RequestError(
            f"{param}: not a picture in base64; write it as data:image/png;base64,…",
            param=param,
            code="invalid_image",
        )
    if len(data) > MAX_PICTURE_BYTES:
        raise RequestError(
            f"{param}: a picture may have {MAX_PICTURE_BYTES // 10**6} MB; send a smaller one",
            param=param,
            status=413,
            code="image_too_large",
        )
    return data
