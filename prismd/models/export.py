"""From a checkpoint in PyTorch to ONNX, quantised, held against the original (extra ``export``).

Nothing that prismd needs to run is needed here, and the reverse: PyTorch, optimum and transformers
are imported only while a model is exported. A checkpoint is data: weights are read from safetensors
only, never from a pickle, and code that comes with it is neither fetched nor run.
"""

from __future__ import annotations

import importlib
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from prismd.errors import ModelError
from prismd.models.added import adopt, check_name
from prismd.models.checkpoint import entry_of
from prismd.models.entry import ModelEntry
from prismd.models.export_agreement import Agreement

_NEEDED = ("torch", "transformers", "onnx", "optimum.exporters.onnx")
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_UNFIT = re.compile(r"[^\w.-]+")
# Weights in other formats are pickles, and code is not wanted.
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*.json")
_NOT_WANTED = ("onnx/*", "openvino/*")


class Exported(msgspec.Struct, frozen=True):
    """A model of the user's own that was made by ``export``."""

    entry: ModelEntry
    agreements: tuple[Agreement, ...]


def export(
    source: str,
    models_dir: Path,
    *,
    name: str = "",
    quantize: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export a sentence-transformers or CLIP checkpoint, and make it known to prismd.

    Args:
        source: A folder, or the name of a repository at Hugging Face.
        models_dir: Where the models are kept.
        name: What settings call it; the last part of ``source`` when empty.
        quantize: Whether weights become int8, per channel.
        say: Told of each step in turn.

    Raises:
        ModelError: The extra is not installed, the checkpoint is not one of these, or the export
            is too far from the original.
    """
    name = name or _UNFIT.sub("-", Path(source).expanduser().absolute().name).lower()
    check_name(name)
    _require_extra()
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=models_dir) as scratch:
            checkpoint = _checkpoint(source, Path(scratch), say)
            folder, agreements = _made(checkpoint, Path(scratch), quantize, say)
            note = f"exported from {source}, {folder.name}"
            entry = adopt(name, folder, models_dir, note=note)
    except OSError as error:
        # transformers reports what it cannot find or read as an OSError too.
        raise ModelError(f"{source}: cannot be exported ({_first_line(error)})") from error
    return Exported(entry, tuple(agreements))


def _require_extra() -> None:
    for module in _NEEDED:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ModelError(
                f"models export: {error.name or module} is not installed; "
                "run `pip install 'prismd[export]'`"
            ) from error


def _checkpoint(source: str, scratch: Path, say: Callable[[str], None]) -> Path:
    """The folder of the checkpoint, fetched when it is at the hub."""
    folder = Path(source).expanduser().absolute()
    if folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(source):
        raise ModelError(
            f"{source}: neither a folder nor the name of a repository at Hugging Face; "
            "give one such as sentence-transformers/all-MiniLM-L6-v2"
        )
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    say(f"fetching {source}")
    try:
        return Path(
            huggingface_hub.snapshot_download(
                source,
                local_dir=scratch / "hub" / source.rpartition("/")[2],
                allow_patterns=list(_WANTED),
                ignore_patterns=list(_NOT_WANTED),
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ModelError(
            f"{source}: could not be fetched ({_first_line(error)}); check the name and the network"
        ) from error


def _made(
    checkpoint: Path, scratch: Path, quantize: bool, say: Callable[[str], None]
) -> tuple[Path, list[Agreement]]:
    """Make the ONNX files, and hold each form against the original.

    Returns:
        The folder to keep, called after its form, and how near each form is.
    """
    from prismd.models.export_check import Original, agreement
    from prismd.models.export_graph import Checkpoint, quantized

    say(f"reading {checkpoint.name}")
    opened = Checkpoint.open(checkpoint)
    say("exporting to ONNX")
    folder = scratch / "fp32"
    opened.export(folder)
    original = Original(opened, entry_of(folder.name, folder).max_tokens)
    agreements = agreement(original, folder)
    _insist(checkpoint, agreements)
    if quantize:
        say("quantising")
        exact, folder = folder, scratch / "int8"
        shutil.copytree(exact, folder)
        quantized(exact, folder)
        agreements += (small := agreement(original, folder))
        _insist(checkpoint, small)
    return folder, agreements


def _insist(checkpoint: Path, agreements: list[Agreement]) -> None:
    for found in agreements:
        if found.least < found.bound:
            remedy = "export it with --no-quantize" if found.form == "int8" else "do not use it"
            raise ModelError(
                f"{checkpoint.name}: the {found.form} export of {found.probes} is too far from the "
                f"original (least cosine {found.least:.3f}, needed {found.bound}); {remedy}"
            )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
