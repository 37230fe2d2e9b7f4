"""What a model is: its files with their checksums, where the bytes are, and how it is run.

The sha256 decides what a file is. Where it came from does not: a source may be a mirror, a
wheel of an unknown publisher or a branch that moves, and only the expected bytes are taken.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from prismd.domain import EmbeddingSpace

Role = Literal["embedding", "reranking", "generation", "image", "speech"]
Engine = Literal["onnx", "gguf", "ctranslate2"]
Pooling = Literal["cls", "mean", "none"]


class WheelPart(msgspec.Struct, frozen=True):
    """One member of one wheel of a Python package index."""

    package: str
    version: str
    member: str


class Wheel(msgspec.Struct, frozen=True, tag="wheel"):
    """A file inside wheels; the members of several parts are joined in order."""

    parts: tuple[WheelPart, ...]


class HuggingFace(msgspec.Struct, frozen=True, tag="hugging_face"):
    """A file of a repository at Hugging Face, or at whatever ``HF_ENDPOINT`` names."""

    repo: str
    revision: str
    path: str


class Url(msgspec.Struct, frozen=True, tag="url"):
    """A file at a plain address."""

    url: str


class LocalPath(msgspec.Struct, frozen=True, tag="local"):
    """A file of the user's own; it is linked to, not copied."""

    path: str


Source = Wheel | HuggingFace | Url | LocalPath


class ModelFile(msgspec.Struct, frozen=True):
    """A file of a model; ``sources`` are tried in order."""

    name: str
    size_bytes: int
    sha256: str
    sources: tuple[Source, ...]


class ModelEntry(msgspec.Struct, frozen=True):
    """A model: its files and how it is to be run.

    ``files[0]`` holds the weights. ``dim``, ``pooling`` and the prefixes matter for embedding
    only. ``max_tokens`` is the longest input, of a generator the default context.
    ``memory_bytes`` is the resident size to reckon with when it is loaded and at work.
    For images, ``edge_px`` is the side of the square that the model looks at, and
    ``least_similarity`` the cosine from which on a picture is taken to show what a text says.
    """

    name: str
    role: Role
    engine: Engine
    files: tuple[ModelFile, ...]
    max_tokens: int
    licence: str
    languages: tuple[str, ...] = ()
    dim: int = 0
    pooling: Pooling = "none"
    query_prefix: str = ""
    passage_prefix: str = ""
    memory_bytes: int = 0
    note: str = ""
    edge_px: int = 0
    least_similarity: float = 0.0

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def space(self) -> EmbeddingSpace:
        """The space of its vectors; other weights of the same name are another space."""
        return EmbeddingSpace(
            model=self.name,
            revision=self.files[0].sha256[:12],
            dim=self.dim,
            max_tokens=self.max_tokens,
            pooling=self.pooling,
            query_prefix=self.query_prefix,
            passage_prefix=self.passage_prefix,
            content="picture" if self.role == "image" else "passage",
        )


def wheel(package: str, version: str, member: str) -> Wheel:
    """A file that is one member of one wheel."""
    return Wheel(parts=(WheelPart(package, version, member),))
