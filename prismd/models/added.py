"""Models of the user's own, kept as catalogue entries in ``<models_dir>/added.json``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from prismd.errors import ModelError
from prismd.models.catalog import CATALOG
from prismd.models.entry import LocalPath, ModelEntry, ModelFile, Pooling, Role
from prismd.models.fetch import fetch
from prismd.models.installed import sha256_of, write_atomically

_LIST = "added.json"
_GGUF_MAGIC = b"GGUF"
_WEIGHTS = ("model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx", "onnx/model.onnx")
_CONTEXT_TOKENS = 4096


class _Config(msgspec.Struct):
    """What matters of a transformer's ``config.json``."""

    hidden_size: int = 0
    max_position_embeddings: int = 512
    architectures: list[str] = []


class _PoolingConfig(msgspec.Struct):
    """Sentence-transformers' ``1_Pooling/config.json``."""

    pooling_mode_cls_token: bool = False


def entries(models_dir: Path) -> tuple[ModelEntry, ...]:
    """The catalogue and the user's own models.

    Raises:
        ModelError: The list of the user's models cannot be read.
    """
    return CATALOG + _added(models_dir)


def add(
    name: str,
    path: Path,
    models_dir: Path,
    *,
    role: Role | None = None,
    query_prefix: str = "",
    passage_prefix: str = "",
) -> ModelEntry:
    """Register a GGUF file, or a folder with ``model.onnx`` and ``tokenizer.json``.

    The files stay where they are; they are hashed now and linked to. An entry of the same name
    is replaced, unless it is one of the catalogue.

    Args:
        name: What settings call it.
        path: The file or folder.
        models_dir: Where the models are kept.
        role: For ONNX: ``embedding`` or ``reranking``; found from ``config.json`` when None.
        query_prefix: Put before every query (embedding).
        passage_prefix: Put before every passage (embedding).

    Raises:
        ModelError: The name is taken or unfit, or the path holds no model that can be run.
    """
    if any(entry.name == name for entry in CATALOG) or name in ("fake", "off"):
        raise ModelError(f"{name}: the name is taken by prismd itself; choose another")
    if not name or name.startswith(".") or "/" in name:
        raise ModelError(f"{name!r}: not a name for a folder; use letters, digits, - and .")
    path = path.expanduser().absolute()
    if path.is_dir():
        entry = _onnx_entry(name, path, role)
        entry = msgspec.structs.replace(
            entry, query_prefix=query_prefix, passage_prefix=passage_prefix
        )
    else:
        entry = _gguf_entry(name, path)
    # The links of an earlier model of this name must not be taken for those of this one.
    shutil.rmtree(models_dir / name, ignore_errors=True)
    fetch([entry], models_dir)
    _write(models_dir, (*(e for e in _added(models_dir) if e.name != name), entry))
    return entry


def remove(name: str, models_dir: Path) -> int:
    """Remove a model's files, and its entry when it is the user's own.

    A file that was added by its path is only unlinked.

    Returns:
        Bytes freed.

    Raises:
        ModelError: There is nothing of this name.
    """
    added = _added(models_dir)
    folder = models_dir / name
    known = any(entry.name == name for entry in CATALOG + added)
    if not known or (not folder.is_dir() and not any(e.name == name for e in added)):
        raise ModelError(f"{name}: nothing to remove; see `prismd models list`")
    freed = sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    shutil.rmtree(folder, ignore_errors=True)
    if any(entry.name == name for entry in added):
        _write(models_dir, tuple(entry for entry in added if entry.name != name))
    return freed


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
        licence="the user's own",
        memory_bytes=int(path.stat().st_size * 1.3),
    )


def _onnx_entry(name: str, folder: Path, role: Role | None) -> ModelEntry:
    weights = next((folder / w for w in _WEIGHTS if (folder / w).is_file()), None)
    if weights is None:
        raise ModelError(f"{folder}: holds no {_WEIGHTS[0]}; export the model to ONNX first")
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f"{folder}: holds no tokenizer.json; save the fast tokenizer beside it")
    config = _decode(folder / "config.json", _Config)
    if config is None:
        raise ModelError(f"{folder}: holds no readable config.json; copy it from the checkpoint")
    classifies = any("SequenceClassification" in name for name in config.architectures)
    role = role or ("reranking" if classifies else "embedding")
    if role not in ("embedding", "reranking"):
        raise ModelError(f"{folder}: an ONNX model serves embedding or reranking, not {role}")
    pooling = _decode(folder / "1_Pooling" / "config.json", _PoolingConfig)
    mode: Pooling = "cls" if pooling and pooling.pooling_mode_cls_token else "mean"
    return ModelEntry(
        name=name,
        role=role,
        engine="onnx",
        files=(
            _file("model.onnx", weights),
            _file("tokenizer.json", folder / "tokenizer.json"),
        ),
        max_tokens=min(config.max_position_embeddings, 512),
        licence="the user's own",
        dim=config.hidden_size if role == "embedding" else 0,
        pooling=mode if role == "embedding" else "none",
        memory_bytes=weights.stat().st_size * 2,
    )


def _file(name: str, path: Path) -> ModelFile:
    return ModelFile(
        name=name,
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        sources=(LocalPath(str(path)),),
    )


def _decode(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _added(models_dir: Path) -> tuple[ModelEntry, ...]:
    path = models_dir / _LIST
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[ModelEntry, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"{path}: unreadable ({error}); repair or remove it") from error


def _write(models_dir: Path, added: tuple[ModelEntry, ...]) -> None:
    content = msgspec.json.format(msgspec.json.encode(added), indent=2)
    write_atomically(models_dir / _LIST, content)
