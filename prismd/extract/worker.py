"""The process that opens files: detects what they are and reads them. Started by ``pool``."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import msgspec

from prismd.child import Channel, channel
from prismd.domain import Box, Extraction
from prismd.errors import EncryptedDocument, ExtractError, UnsupportedMedia
from prismd.extract.base import (
    NOT_PROSE,
    ExtractOptions,
    Extractor,
    MediaType,
    load_extractor,
    media_types,
)
from prismd.extract.parts import LeftOut, in_parts
from prismd.extract.pieces import Piece, keeping
from prismd.extract.scratch import room, settle
from prismd.extract.steps import Paced, listening
from prismd.paths.alias import Alias
from prismd.paths.opening import reachable


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker has started; sent once, before any answer."""


class Request(msgspec.Struct, frozen=True, tag="read"):
    """A file to read; its path as the file system has it, which need not be text.

    ``known`` is what earlier readings of the same content handed on. ``name`` is what the file is
    called, here and below, where its path does not say so.
    """

    path: bytes
    options: ExtractOptions
    left_out: LeftOut = LeftOut()
    known: tuple[Piece, ...] = ()
    name: str = ""


class RenderRequest(msgspec.Struct, frozen=True, tag="render"):
    """A page of a PDF or a picture to show, places on it marked; see ``render.render_page``."""

    path: bytes
    page: int
    boxes: tuple[Box, ...]
    dpi: int
    name: str = ""


class ThumbnailRequest(msgspec.Struct, frozen=True, tag="thumbnail"):
    """A picture to show small; see ``render.thumbnail``."""

    path: bytes
    max_px: int
    name: str = ""


class DetectRequest(msgspec.Struct, frozen=True, tag="detect"):
    """A file of which only is asked what it is."""

    path: bytes
    name: str = ""


class PictureRequest(msgspec.Struct, frozen=True, tag="picture"):
    """A picture as the input of a model; see ``picture.pixels``."""

    path: bytes
    edge_px: int
    name: str = ""


class WordsRequest(msgspec.Struct, frozen=True, tag="words"):
    """A picture whose words are to be read; what is no picture is not read, whatever it is."""

    path: bytes
    options: ExtractOptions
    name: str = ""


AnyRequest = (
    Request | DetectRequest | RenderRequest | ThumbnailRequest | PictureRequest | WordsRequest
)


class Detected(msgspec.Struct, frozen=True, tag="detected"):
    """What the file is; the first answer to a request to read it."""

    media_type: MediaType


class Step(msgspec.Struct, frozen=True, tag="step"):
    """How far the reading of the file has come; any number of them, before the last answer."""

    done: int
    total: int


class InHand(msgspec.Struct, frozen=True, tag="in_hand"):
    """Which part of the file is read from now on; an empty key stands for none; see ``parts``."""

    key: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """What is in the file."""

    extraction: Extraction


class Image(msgspec.Struct, frozen=True, tag="image"):
    """An image: a PNG or JPEG, or bare pixels, as it was asked for."""

    data: bytes


class Told(msgspec.Struct, frozen=True, tag="told"):
    """What the file is, where nothing else was asked."""

    media_type: MediaType


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Why the file cannot be read; ``kind`` names the class of the error."""

    kind: str
    message: str
    code: str
    skip: bool
    transient: bool


Last = Done | Image | Told | Failed
"""What ends the answer to a request."""
Answer = Detected | Step | InHand | Piece | Last

KINDS: dict[str, type[ExtractError]] = {
    kind.__name__: kind for kind in (ExtractError, UnsupportedMedia, EncryptedDocument)
}
OUT_OF_MEMORY = "memory"
"""Error code of a file that needs more memory than a worker may have."""
_ANY_PICTURE = "image/png"


def main() -> None:
    """Answer requests until the parent hangs up."""
    with channel() as parent:
        parent.send(Ready())
        extractors: dict[str, Extractor] = {}
        request: AnyRequest
        for request in parent.requests(AnyRequest):  # type: ignore[arg-type]
            try:
                with room(), reachable(request.path) as near:
                    path = _path(near, request.name)
                    if isinstance(request, Request):
                        _read(path, request, parent, extractors)
                    elif isinstance(request, WordsRequest):
                        parent.send(Done(_words(path, request, extractors)))
                    elif isinstance(request, DetectRequest):
                        parent.send(Told(_detected(path)))
                    else:
                        parent.send(Image(_image(path, request)))
            except ExtractError as error:
                parent.send(_failed(error))
            except MemoryError:
                parent.send(_out_of_memory())
            except RecursionError:
                parent.send(_defect("its parts are nested too deeply"))
            # A parser may raise anything on a hostile file; only this file has failed.
            except Exception as error:
                parent.send(_defect(f"{type(error).__name__}: {error}"))


def _path(near: bytes, name: str) -> Path:
    return Alias.of(near, name) if name else Path(os.fsdecode(near))


def _read(path: Path, request: Request, parent: Channel, extractors: dict[str, Extractor]) -> None:
    # Imported here: the parent imports this module for its types, and never a parser.
    from prismd.extract.detect import detect
    from prismd.extract.language import language_of

    _settle(request.options)
    found = detect(path)
    parent.send(Detected(found))
    extractor = _extractor(found, extractors)
    sending = threading.Lock()

    def send(answer: Any) -> None:
        with sending:  # pieces come from whichever thread has read them
            parent.send(answer)

    paced = Paced(lambda done, total: send(Step(done, total)))
    parts = in_parts(request.left_out, lambda key: send(InHand(key)))
    with listening(paced), parts, keeping(request.known, send):
        extraction = extractor.extract(path, found.name, request.options)
    paced.flush()
    if not extraction.language and found.name not in NOT_PROSE:
        language = language_of(extraction.text)
        extraction = msgspec.structs.replace(extraction, language=language)
    parent.send(Done(extraction))


def _words(path: Path, request: WordsRequest, extractors: dict[str, Extractor]) -> Extraction:
    _settle(request.options)
    any_picture = media_types()[_ANY_PICTURE]  # one extractor reads them all, by their content
    return _extractor(any_picture, extractors).extract(path, _ANY_PICTURE, request.options)


def _settle(options: ExtractOptions) -> None:
    from prismd.extract.language import share

    with contextlib.suppress(OSError):  # few files need it, and those make it themselves
        scratch = settle(options.slots_dir)
        if options.slots_dir and options.slots_on_disk:
            share(Path(options.slots_dir), scratch)


def _extractor(found: MediaType, extractors: dict[str, Extractor]) -> Extractor:
    if found.extractor not in extractors:
        extractors[found.extractor] = load_extractor(found)
    return extractors[found.extractor]


def _detected(path: Path) -> MediaType:
    from prismd.extract.detect import detect

    return detect(path, marked=True)  # whoever asks is to be told of a wrong suffix


def _image(path: Path, request: RenderRequest | ThumbnailRequest | PictureRequest) -> bytes:
    from prismd.extract import render
    from prismd.extract.image import picture

    if isinstance(request, RenderRequest):
        return render.render_page(path, request.page, request.boxes, request.dpi)
    if isinstance(request, ThumbnailRequest):
        return render.thumbnail(path, request.max_px)
    return picture.pixels(path, request.edge_px).tobytes()


def _failed(error: ExtractError) -> Failed:
    kind = next(name for name, of in reversed(KINDS.items()) if isinstance(error, of))
    return Failed(kind, str(error), error.code, error.skip, error.transient)


def _out_of_memory() -> Failed:
    return Failed(
        "ExtractError",
        "out of memory",  # how much it was, and what to do, the pool knows
        OUT_OF_MEMORY,
        skip=False,
        transient=False,
    )


def _defect(cause: str) -> Failed:
    cause = " ".join(cause.split())[:300].rstrip(".")
    return Failed(
        "ExtractError",
        f"its reader failed ({cause}); save it anew with another program to index it",
        "broken",
        skip=False,
        transient=False,
    )


if __name__ == "__main__":
    main()
