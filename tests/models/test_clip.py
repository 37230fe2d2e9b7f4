from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.errors import ModelError
from prismd.models.added import entries
from prismd.models.catalog import find
from prismd.models.clip import ClipEmbedder
from prismd.models.entry import ModelEntry

TEXTS = [
    "",
    "a red dog",
    "The dog, and the red thing in the rain!",
    "two children and a dog at the lake, 1984",
    "word " * 200,
]


def pictures(count: int, edge_px: int = 32) -> NDArray[np.uint8]:
    random = np.random.default_rng(5)
    return random.integers(0, 256, (count, edge_px, edge_px, 3), dtype=np.uint8)


def unit(rows: Any) -> NDArray[np.float32]:
    vectors = np.asarray(rows, dtype=np.float32)
    normalised: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normalised


def originals(checkpoint: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of ``pictures(6)`` and ``TEXTS`` by PyTorch, with all of CLIP's own code."""
    import torch
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

    model = CLIPModel.from_pretrained(checkpoint).eval()
    tokens = CLIPTokenizerFast.from_pretrained(checkpoint)(
        TEXTS, padding=True, truncation=True, return_tensors="pt"
    )
    side = model.config.vision_config.image_size
    processor = CLIPImageProcessor(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    )
    values = processor(list(pictures(6)), return_tensors="pt")
    with torch.inference_mode():
        images = model.get_image_features(**values)
        texts = model.get_text_features(**tokens)
    return unit(images), unit(texts)


def embedder(models_dir: Path, name: str = "clip-fp32", **changes: Any) -> ClipEmbedder:
    entry = msgspec.structs.replace(find(name, entries(models_dir)), **changes)
    return ClipEmbedder(entry, models_dir, threads=2)


@pytest.mark.export
def test_vectors_are_those_of_the_original(small_clip: Path, clip_models: Path) -> None:
    model = embedder(clip_models)
    images, texts = originals(small_clip)
    assert np.abs(model.embed_images(pictures(6)) - images).max() < 1e-3
    assert np.abs(model.embed_texts(TEXTS) - texts).max() < 1e-3
    # The comparison means something: the originals differ among themselves.
    assert (images @ images.T).min() < 0.9
    assert (texts @ texts.T).min() < 0.9
    model.close()


@pytest.mark.export
def test_int8_vectors_are_near_the_original(small_clip: Path, clip_models: Path) -> None:
    model = embedder(clip_models, "clip-int8")
    images, texts = originals(small_clip)
    assert (model.embed_images(pictures(6)) * images).sum(axis=1).min() > 0.95
    assert (model.embed_texts(TEXTS) * texts).sum(axis=1).min() > 0.95
    model.close()


@pytest.mark.export
def test_the_end_mark_is_found_where_the_configuration_names_it_rightly(tmp_path: Path) -> None:
    from prismd.models.export import export
    from tests.models.clip_checkpoint import write_checkpoint

    checkpoint = write_checkpoint(tmp_path / "newer", legacy_end=False)
    made = export(str(checkpoint), tmp_path / "models", quantize=False)
    model = ClipEmbedder(made.entry, tmp_path / "models", threads=1)
    assert np.abs(model.embed_texts(TEXTS) - originals(checkpoint)[1]).max() < 1e-3
    model.close()


@pytest.mark.export
def test_words_that_look_like_the_end_mark_do_not_end_a_text(clip_models: Path) -> None:
    model = embedder(clip_models)
    text, other = model.embed_texts(["dog <|endoftext|> the rain", "dog <|endoftext|> and the red"])
    assert not np.allclose(text, other)
    model.close()


@pytest.mark.export
def test_a_question_loads_the_tower_for_texts_only(clip_models: Path) -> None:
    model = embedder(clip_models)
    assert not model.loaded
    model.embed_texts(["a dog"])
    assert model.loaded
    (clip_models / "clip-fp32" / "vision_model.onnx").rename(clip_models / "aside")
    try:
        model.embed_texts(["another dog"])
        with pytest.raises(ModelError, match=r"vision_model\.onnx is not there"):
            model.embed_images(pictures(1))
    finally:
        (clip_models / "aside").rename(clip_models / "clip-fp32" / "vision_model.onnx")
    assert "prismd models pull" in model.failure
    assert len(model.embed_images(pictures(1))) == 1
    assert not model.failure
    model.close()
    assert not model.loaded


@pytest.mark.export
def test_a_width_that_is_not_the_spaces_is_refused(clip_models: Path) -> None:
    model = embedder(clip_models, dim=512)
    with pytest.raises(ModelError, match="expected 512 dimensions"):
        model.embed_texts(["a dog"])
    model.close()


@pytest.mark.export
def test_a_graph_without_the_shared_space_is_refused(clip_models: Path) -> None:
    entry = find("clip-fp32", entries(clip_models))
    vision, text, *rest = entry.files
    swapped = (
        msgspec.structs.replace(text, name="vision_model.onnx"),
        msgspec.structs.replace(vision, name="text_model.onnx"),
        *rest,
    )
    folder = clip_models / "swapped"
    folder.mkdir()
    for name, origin in (("vision_model.onnx", text), ("text_model.onnx", vision)):
        (folder / name).symlink_to(clip_models / entry.name / origin.name)
    for file in rest:
        (folder / file.name).symlink_to(clip_models / entry.name / file.name)
    model = ClipEmbedder(msgspec.structs.replace(entry, name="swapped", files=swapped), clip_models)
    with pytest.raises(ModelError, match="gives text_embeds, not image_embeds"):
        model.embed_images(pictures(1))
    assert "prismd models export" in model.failure


@pytest.mark.export
def test_a_preprocessor_of_its_own_is_heeded(
    small_clip: Path, clip_models: Path, tmp_path: Path
) -> None:
    import shutil

    from prismd.models.export import export

    checkpoint = tmp_path / "grey"
    shutil.copytree(small_clip, checkpoint)
    (checkpoint / "preprocessor_config.json").write_text(
        '{"image_processor_type": "CLIPImageProcessor", "image_mean": [0.5, 0.5, 0.5],'
        ' "image_std": [0.5, 0.5, 0.5], "rescale_factor": 0.00392156862745098}'
    )
    made = export(str(checkpoint), tmp_path / "models", quantize=False)
    grey = ClipEmbedder(made.entry, tmp_path / "models", threads=1)
    plain = embedder(clip_models)
    # What is written there decides, and the export's comparison has held it against PyTorch.
    assert not np.allclose(grey.embed_images(pictures(2)), plain.embed_images(pictures(2)))
    assert {found.probes for found in made.agreements} == {"texts", "pictures"}
    grey.close()
    plain.close()


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    entry: ModelEntry = find("clip")
    model = ClipEmbedder(entry, tmp_path)
    with pytest.raises(ModelError, match="prismd models pull clip"):
        model.embed_texts(["a dog"])
    assert model.failure


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 32, 32, 3), dtype=np.uint8),
        np.zeros((1, 224, 224, 4), dtype=np.uint8),
        np.zeros((1, 224, 224, 3), dtype=np.float32),
    ],
)
def test_pixels_of_another_kind_are_a_mistake(tmp_path: Path, pixels: Any) -> None:
    with pytest.raises(ValueError, match="not uint8 of 224 px"):
        ClipEmbedder(find("clip"), tmp_path).embed_images(pixels)
