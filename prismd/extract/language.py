"""Which language a text is in. Runs in a worker process: the model takes some time and memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from prismd.extract import language_model

_SAMPLE_CHARS = 4_000
_LEAST_LETTERS = 40
_SURE = 0.7


_shared: list[Path] = []
"""The folder that the workers share, and this one's own folder below it; empty without."""


def share(folder: Path, scratch: Path) -> None:
    """Have the model lie unpacked in a folder that the workers share, from when it is needed.

    Args:
        folder: The folder; it is there, and on a disk.
        scratch: A folder of this process's own on the same disk.
    """
    _shared[:] = [folder, scratch]


def language_of(text: str) -> str:
    """The language of a text as an ISO 639-1 code; empty when it is too short to tell."""
    sample = _sample(text)
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return ""
    language, probability = _identifier().classify(sample)
    return str(language) if probability >= _SURE else ""


def _sample(text: str) -> str:
    """Pieces of the beginning and the middle: title pages and notices may be in another."""
    if len(text) <= _SAMPLE_CHARS:
        return text
    half = _SAMPLE_CHARS // 2
    middle = len(text) // 2
    return text[:half] + " " + text[middle : middle + half]


@cache
def _identifier() -> Any:
    if not _shared:
        return _unpacked()
    folder, scratch = _shared
    try:
        kept = language_model.kept_at(folder, _packed())
    except (ImportError, OSError):  # another version, which has it elsewhere
        return _unpacked()
    identifier = language_model.mapped(kept)
    if identifier is None:
        language_model.keep(_unpacked(), kept, scratch)
        identifier = language_model.mapped(kept)
    return identifier or _unpacked()


def _packed() -> Path:
    from py3langid.langid import MODEL_DIR, MODEL_FILE

    return Path(str(MODEL_DIR), MODEL_FILE)


def _unpacked() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    with _unpacking_in_memory():
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@contextmanager
def _unpacking_in_memory() -> Iterator[None]:
    """Have the model, 70 MB, unpacked into memory; where that cannot be, into a temporary file.

    Of an encrypted index those lie in a folder in memory, where there may not be room for one of
    each worker.
    """
    try:
        from py3langid import modelio
    except ImportError:  # another version, which goes about it in its own way
        modelio = None
    usual = getattr(modelio, "tempfile", None)
    if usual is None or not hasattr(os, "memfd_create"):
        yield
        return
    modelio.tempfile = SimpleNamespace(**{**vars(usual), "TemporaryFile": _file_in_memory})
    try:
        yield
    finally:
        modelio.tempfile = usual


def _file_in_memory(*_: object, **__: object) -> IO[bytes]:
    return os.fdopen(os.memfd_create("prismd-language", os.MFD_CLOEXEC), "w+b")
