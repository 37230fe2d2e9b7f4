"""PyTorch checkpoints to ONNX graphs by optimum, and these to int8 by onnxruntime."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import export as export_graph
from optimum.exporters.onnx.model_configs import (
    CLIPTextWithProjectionOnnxConfig,
    CLIPVisionModelOnnxConfig,
)
from optimum.exporters.tasks import TasksManager

from prismd.errors import ModelError

if TYPE_CHECKING:
    import torch

_KEPT = (
    "config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "preprocessor_config.json",
)
_FURTHER_LAYERS = ("Dense", "CNN", "LSTM", "WeightedLayerPooling")
# The first layer of a picture's tower is a convolution; onnxruntime has no fast int8 one.
_QUANTIZED_OPS = ["MatMul", "Gemm", "Gather"]


class Checkpoint:
    """A sentence-transformers or CLIP checkpoint.

    Attributes:
        folder: Where it is.
        towers: The models by the names of their graphs: ``model``, or ``vision_model`` and
            ``text_model``.
        tokenizer: The fast tokeniser, of transformers.
    """

    def __init__(self, folder: Path, towers: dict[str, torch.nn.Module], tokenizer: Any) -> None:
        self.folder = folder
        self.towers = towers
        self.tokenizer = tokenizer

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read a checkpoint; weights from safetensors only.

        Raises:
            ModelError: It needs code of its own, or has layers that prismd does not run.
            OSError: Something is missing; the message says what.
        """
        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        _refuse_further_layers(folder)
        if not any(folder.glob("*.safetensors")):
            raise ModelError(
                f"{folder.name}: holds no .safetensors file, and prismd opens no pickles; "
                "save the model with save_pretrained() first"
            )
        try:
            config = transformers.AutoConfig.from_pretrained(folder, **safe)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, use_fast=True, **safe)
        except ValueError as error:
            raise ModelError(f"{folder.name}: {error}") from error
        if not tokenizer.is_fast:
            raise ModelError(f"{folder.name}: has no fast tokeniser; choose another model")
        kinds = {"model": transformers.AutoModel}
        if config.model_type == "clip":
            kinds = {
                "vision_model": transformers.CLIPVisionModelWithProjection,
                "text_model": transformers.CLIPTextModelWithProjection,
            }
            safe.pop("trust_remote_code")
        towers = {
            name: kind.from_pretrained(folder, use_safetensors=True, dtype="float32", **safe).eval()
            for name, kind in kinds.items()
        }
        return cls(folder, towers, tokenizer)

    def export(self, folder: Path) -> None:
        """Write the graphs, the tokeniser and what says how they are used to a new folder.

        Raises:
            ModelError: optimum has no export for this kind of model.
        """
        folder.mkdir()
        for name, model in self.towers.items():
            with _quiet():
                export_graph(model, self._onnx_config(name, model), folder / f"{name}.onnx")
        self.tokenizer.save_pretrained(folder)
        for kept in _KEPT:
            if (self.folder / kept).is_file():
                (folder / kept).parent.mkdir(exist_ok=True)
                shutil.copyfile(self.folder / kept, folder / kept)

    def _onnx_config(self, name: str, model: Any) -> Any:
        """How optimum is to trace a tower: which inputs and outputs it has."""
        if name == "vision_model":
            return _VisionTower(model.config)
        if name == "text_model":
            return _TextTower(model.config)
        try:
            kind = TasksManager.get_exporter_config_constructor(
                exporter="onnx",
                model=model,
                task="feature-extraction",
                library_name="transformers",
            )
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"{self.folder.name}: optimum cannot export {model.config.model_type} models "
                f"({error}); choose another model"
            ) from error
        return kind(model.config)


class _VisionTower(CLIPVisionModelOnnxConfig):  # type: ignore[misc]
    """Pictures to vectors in the space that they share with texts."""

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        return {"image_embeds": {0: "batch_size"}}


class _TextTower(CLIPTextWithProjectionOnnxConfig):  # type: ignore[misc]
    """Texts to vectors in the space that they share with pictures."""

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        return {"text_embeds": {0: "batch_size"}}


def quantized(exact: Path, folder: Path) -> None:
    """Write int8 forms of the graphs in ``exact``, of the same names, to ``folder``.

    Weights are scaled per channel: per tensor costs a model of sentences 3 to 8 points. They
    keep all eight bits; where a processor without VNNI saturates by that, the comparison with
    the original shows it.
    """
    for graph in sorted(exact.glob("*.onnx")):
        with _quiet():
            quantize_dynamic(
                graph,
                folder / graph.name,
                op_types_to_quantize=_QUANTIZED_OPS,
                per_channel=True,
                weight_type=QuantType.QInt8,
            )


def _refuse_further_layers(folder: Path) -> None:
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
    except FileNotFoundError:
        return
    for module in modules:
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind in _FURTHER_LAYERS:
            raise ModelError(
                f"{folder.name}: has a {kind} layer after the transformer, which prismd does not "
                "run; choose another model"
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of tracing and quantising, which say nothing to who exports."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
