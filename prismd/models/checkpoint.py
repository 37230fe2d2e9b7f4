"""Which model a file or folder of the user's own holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from prismd.errors import ModelError
from prismd.models.catalog_image import LEAST_SIMILARITY
from prismd.models.entry import LocalPath, ModelEntry, ModelFile, Pooling, Role
from prismd.models.installed import sha256_of

C = TypeVar("C")

_GGUF_MAGIC = b"GGUF"
_LICENCE = "the user's own"
_CONTEXT_TOKENS = 4096
_MOST_TOKENS = 512


class _Clip(msgspec.Struct):
    """What matters of either tower in CLIP's ``config.json``."""

    image_size: int = 224
    max_position_embeddings: int = 77


class _Config(msgspec.Struct):
    """What matters of a transformer's ``config.json``."""

    model_type: str = ""
    hidden_size: int = 0
    max_position_embeddings: int = 512
    architectures: list[str] = []
    projection_dim: int = 512
    vision_config: _Clip = msgspec.field(default_factory=_Clip)
    text_config: _Clip = msgspec.field(default_factory=_Clip)


class _PoolingConfig(msgspec.Struct):
    """Sentence-transformers' ``1_Pooling/config.json``."""

    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = True


class _LengthConfig(msgspec.Struct):
    """Sentence-transformers' ``sentence_bert_config.json``."""

    max_seq_length: int | None = None


class _PromptConfig(msgspec.Struct):
    """Sentence-transformers' ``config_sentence_transformers.json``."""

    prompts: dict[str, str] = {}


def entry_of(name: str, path: Path, role: Role | None = None) -> ModelEntry:
    """The entry of a GGUF file, or of a folder with an ONNX model and its tokeniser.

    Args:
        name: The entry's name.
        path: The file or folder, absolute.
        role: For ONNX: ``embedding``, ``reranking`` or ``image``; found from the folder when
            None.

    Raises:
        ModelError: The path holds no model that can be run.
    """
    if not path.is_dir():
        return _gguf_entry(name, path)
    config = _decode(path / "config.json", _Config)
    is_clip = config is not None and config.model_type == "clip"
    if role in (None, "image") and (is_clip or _weights(path, "vision_model") is not None):
        return _clip_entry(name, path, config)
    return _onnx_entry(name, path, role, config)


def _gguf_entry(name: str, path: Path) -> ModelEntry:
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; give a GGUF file or an ONNX folder") from error
    if magic != _GGUF_MAGIC:
        raise ModelError(f"{path}: not a GGUF file; give a GGUF file or an ONNX folder")
    return ModelEntry(
        name=name,
        role="generation",
        engine="gguf",
        files=(_file("model.gguf", path),),
        max_tokens=_CONTEXT_TOKENS,
        licence=_LICENCE,
        memory_bytes=int(path.stat().st_size * 1.3),
    )


def _onnx_entry(name: str, folder: Path, role: Role | None, config: _Config | None) -> ModelEntry:
    weights = _needed(folder, "model")
    tokenizer = _tokenizer(folder)
    config = _known(folder, config)
    classifies = any("SequenceClassification" in name for name in config.architectures)
    role = role or ("reranking" if classifies else "embedding")
    if role not in ("embedding", "reranking"):
        raise ModelError(f"{folder}: an ONNX model serves embedding or reranking, not {role}")
    embeds = role == "embedding"
    prompts = _decode(folder / "config_sentence_transformers.json", _PromptConfig)
    known = prompts.prompts if prompts is not None and embeds else {}
    trained = _decode(folder / "sentence_bert_config.json", _LengthConfig)
    longest = (trained.max_seq_length if trained is not None else None) or _MOST_TOKENS
    return ModelEntry(
        name=name,
        role=role,
        engine="onnx",
        files=(_file("model.onnx", weights), _file("tokenizer.json", tokenizer)),
        max_tokens=min(config.max_position_embeddings, longest, _MOST_TOKENS),
        licence=_LICENCE,
        dim=config.hidden_size if embeds else 0,
        pooling=_pooling(folder) if embeds else "none",
        query_prefix=known.get("query", ""),
        passage_prefix=known.get("passage", known.get("document", "")),
        memory_bytes=weights.stat().st_size * 2,
    )


def _clip_entry(name: str, folder: Path, config: _Config | None) -> ModelEntry:
    vision, text = _needed(folder, "vision_model"), _needed(folder, "text_model")
    config = _known(folder, config)
    files = [
        _file("vision_model.onnx", vision),
        _file("text_model.onnx", text),
        _file("tokenizer.json", _tokenizer(folder)),
    ]
    preprocessor = folder / "preprocessor_config.json"
    if preprocessor.is_file():
        files.append(_file(preprocessor.name, preprocessor))
    return ModelEntry(
        name=name,
        role="image",
        engine="onnx",
        files=tuple(files),
        max_tokens=config.text_config.max_position_embeddings,
        licence=_LICENCE,
        dim=config.projection_dim,
        memory_bytes=(vision.stat().st_size + text.stat().st_size) * 2,
        edge_px=config.vision_config.image_size,
        least_similarity=LEAST_SIMILARITY,
    )


def _known(folder: Path, config: _Config | None) -> _Config:
    if config is None:
        raise ModelError(f"{folder}: holds no readable config.json; copy it from the checkpoint")
    return config


def _pooling(folder: Path) -> Pooling:
    config = _decode(folder / "1_Pooling" / "config.json", _PoolingConfig)
    if config is None:
        return "mean"
    if config.pooling_mode_cls_token:
        return "cls"
    if not config.pooling_mode_mean_tokens:
        raise ModelError(
            f"{folder}: pools neither by the first token nor by the mean, which is what prismd "
            "does; choose another model"
        )
    return "mean"


def _weights(folder: Path, stem: str) -> Path | None:
    """The graph called ``stem``, under the names that exporters give it."""
    names = (f"{stem}.onnx", f"{stem}_quantized.onnx")
    paths: Sequence[Path] = (
        *(folder / name for name in names),
        *(folder / "onnx" / name for name in reversed(names)),
    )
    return next((path for path in paths if path.is_file()), None)


def _needed(folder: Path, stem: str) -> Path:
    weights = _weights(folder, stem)
    if weights is None:
        raise ModelError(
            f"{folder}: holds no {stem}.onnx; make it with `prismd models export {folder}`"
        )
    return weights


def _tokenizer(folder: Path) -> Path:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder}: holds no tokenizer.json; save the fast tokenizer beside it")
    return path


def _file(name: str, path: Path) -> ModelFile:
    return ModelFile(
        name=name,
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        sources=(LocalPath(str(path)),),
    )


def _decode(path: Path, kind: type[C]) -> C | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
