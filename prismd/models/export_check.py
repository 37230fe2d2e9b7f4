"""Holds an export against its original, by the very code that will run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from prismd.models.checkpoint import entry_of
from prismd.models.clip import ClipEmbedder
from prismd.models.export_agreement import Agreement
from prismd.models.export_graph import Checkpoint
from prismd.models.onnx import OnnxEmbedder

_TEXTS = (
    "invoice",
    "a photo of a dog on a beach",
    "How do I reset my password?",
    "The contract ends on 31 March 2026 and is renewed by a year unless notice is given.",
    "def mean(values): return sum(values) / len(values)",
    "Die Heizung wurde im Herbst gewartet; der Brenner ist in gutem Zustand.",
    "La réunion de mardi est reportée à jeudi, dix heures.",
    "two children and a red ball",
    "Revenue rose by 12.4 % to 3.1 million, while costs were flat; see table 4 on page 17.",
    " ".join(
        ["The minutes of the meeting were read, corrected and approved by those present."] * 9
    ),
)
_PICTURES = 8


class Original:
    """The original's vectors of the probes.

    Args:
        checkpoint: The original.
        max_tokens: Where a text is cut.

    Attributes:
        texts: One L2-normalised row for each probe text.
        pictures: One for each probe picture; None when it reads texts only.
        pixels: The probe pictures, uint8 of shape ``(n, edge, edge, 3)``; None likewise.
    """

    def __init__(self, checkpoint: Checkpoint, max_tokens: int) -> None:
        self.pictures: NDArray[np.float32] | None = None
        self.pixels: NDArray[np.uint8] | None = None
        self._tokenizer = checkpoint.tokenizer
        self._towers = checkpoint.towers
        self._max_tokens = max_tokens
        with torch.inference_mode():
            if "vision_model" not in checkpoint.towers:
                self.texts = _unit([self._sentence(checkpoint.folder, text) for text in _TEXTS])
                return
            self.texts = _unit([self._clip_text(text) for text in _TEXTS])
            vision: Any = checkpoint.towers["vision_model"]
            self.pixels = probe_pictures(vision.config.image_size)
            self.pictures = _unit([self._clip_picture(checkpoint, p) for p in self.pixels])

    def _sentence(self, folder: Path, text: str) -> NDArray[np.float32]:
        model: Any = self._towers["model"]
        hidden = model(**self._tokens(text)).last_hidden_state[0]
        pooled: NDArray[np.float32] = hidden[0] if _by_first(folder) else hidden.mean(dim=0)
        return np.asarray(pooled, dtype=np.float32)

    def _clip_text(self, text: str) -> NDArray[np.float32]:
        model: Any = self._towers["text_model"]
        return np.asarray(model(**self._tokens(text)).text_embeds[0], dtype=np.float32)

    def _tokens(self, text: str) -> Any:
        return self._tokenizer(
            text, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        )

    def _clip_picture(
        self, checkpoint: Checkpoint, pixels: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        from transformers import CLIPImageProcessor

        if (checkpoint.folder / "preprocessor_config.json").is_file():
            processor = CLIPImageProcessor.from_pretrained(checkpoint.folder, local_files_only=True)
        else:
            processor = CLIPImageProcessor()
        # The probes are squares of the right size already.
        values = processor(
            pixels, do_resize=False, do_center_crop=False, return_tensors="pt"
        ).pixel_values
        model: Any = checkpoint.towers["vision_model"]
        return np.asarray(model(pixel_values=values).image_embeds[0], dtype=np.float32)


def agreement(original: Original, folder: Path) -> list[Agreement]:
    """How near the export in ``folder`` is; ``folder.name`` is its form."""
    entry = entry_of(folder.name, folder)
    if original.pictures is None or original.pixels is None:
        bare = msgspec.structs.replace(entry, query_prefix="", passage_prefix="")
        embedder = OnnxEmbedder(bare, folder.parent, provider="cpu")
        try:
            made = embedder.embed_passages(_TEXTS)
            return [_agreement(folder.name, "texts", original.texts, made)]
        finally:
            embedder.close()
    clip = ClipEmbedder(entry, folder.parent, provider="cpu")
    try:
        return [
            _agreement(folder.name, "texts", original.texts, clip.embed_texts(_TEXTS)),
            _agreement(
                folder.name, "pictures", original.pictures, clip.embed_images(original.pixels)
            ),
        ]
    finally:
        clip.close()


def probe_pictures(edge_px: int) -> NDArray[np.uint8]:
    """Pictures of many kinds: smooth, striped, with borders, rough; the same at every call.

    Returns:
        Shape ``(8, edge_px, edge_px, 3)``, RGB.
    """
    random = np.random.default_rng(16)
    y, x = np.mgrid[0:edge_px, 0:edge_px] / edge_px
    pictures = np.empty((_PICTURES, edge_px, edge_px, 3), dtype=np.uint8)
    for number in range(_PICTURES):
        turn, colours = random.uniform(0, np.pi), random.uniform(0, 255, (3, 3))
        along = x * np.cos(turn) + y * np.sin(turn)
        waves = np.sin(2 * np.pi * along * 2.0**number) / 2 + 0.5
        inside = (x - random.uniform()) ** 2 + (y - random.uniform()) ** 2 < random.uniform(0, 0.3)
        picture = waves[..., None] * colours[0] + (1 - waves[..., None]) * colours[1]
        picture[inside] = colours[2]
        picture += random.normal(0, 4 * number, picture.shape)
        pictures[number] = picture.clip(0, 255)
    return pictures


def _by_first(folder: Path) -> bool:
    """Whether the checkpoint takes the first token's vector, not the mean of all."""
    try:
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_bytes())
    except FileNotFoundError:
        return False
    return bool(pooling.get("pooling_mode_cls_token"))


def _agreement(
    form: str, probes: str, original: NDArray[np.float32], made: NDArray[np.float32]
) -> Agreement:
    cosines = (original * made).sum(axis=1)
    return Agreement(form, probes, float(cosines.min()), float(cosines.mean()))


def _unit(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    vectors = np.array(rows, dtype=np.float32)
    normalised: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normalised
