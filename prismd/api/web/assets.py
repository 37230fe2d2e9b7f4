"""What the page is made of, read from the package once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

INDEX = "index.html"
_MEDIA_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


class Asset(Struct, frozen=True):
    """A file of the page; ``etag`` names its bytes."""

    body: bytes
    media_type: str
    etag: str


def load() -> dict[str, Asset]:
    """Every file of the page by its name, such as ``views/ask.js``; nothing else is ever served.

    Raises:
        KeyError: A file is of a kind that the page has no use for.
    """
    return {name: _asset(name, file.read_bytes()) for name, file in _under(_folder(), "")}


def _folder() -> Traversable:
    return files(__package__) / "assets"


def _under(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _under(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _asset(name: str, body: bytes) -> Asset:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Asset(body, _MEDIA_TYPES[name.rpartition(".")[2]], etag)
