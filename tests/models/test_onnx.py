from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from prismd.errors import ModelError
from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder, OnnxReranker, available_providers

pytestmark = pytest.mark.models
EMBEDDER = find("bge-small-en-v1.5")
PAIRS = [
    ("How do I reset my password?", "Steps to recover access when you forgot your login secret"),
    (
        "The central bank raised interest rates.",
        "Borrowing became more expensive after the decision",
    ),
    ("The cat sleeps on the sofa.", "A kitten is napping on the couch"),
    (
        "Python raises an exception on division by zero.",
        "Dividing a number by 0 is an error in code",
    ),
]


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_each_text_is_nearest_to_its_paraphrase(onnx_weights: Path) -> None:
    embedder = OnnxEmbedder(EMBEDDER, onnx_weights, threads=2)
    left = embedder.embed_passages([pair[0] for pair in PAIRS])
    right = embedder.embed_passages([pair[1] for pair in PAIRS])
    assert (left @ right.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))
    assert (right @ left.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))
    embedder.close()


def test_the_query_prefix_is_part_of_the_query_only(onnx_weights: Path) -> None:
    embedder = OnnxEmbedder(EMBEDDER, onnx_weights, threads=1)
    query, bare = embedder.embed_query("rice"), embedder.embed_passages(["rice"])[0]
    prefixed = embedder.embed_passages([EMBEDDER.query_prefix + "rice"])[0]
    assert np.array_equal(query, prefixed)
    assert not np.array_equal(query, bare)
    embedder.close()


def test_text_beyond_the_longest_input_changes_nothing(onnx_weights: Path) -> None:
    embedder = OnnxEmbedder(EMBEDDER, onnx_weights, threads=1)
    cut, longer = embedder.embed_passages(["word " * 510, "word " * 510 + "another ending"])
    assert np.array_equal(cut, longer)
    embedder.close()


def test_the_number_of_threads_does_not_change_a_vector(onnx_weights: Path) -> None:
    texts = ["one text", "and another text " * 30]
    one, two = (OnnxEmbedder(EMBEDDER, onnx_weights, threads=n) for n in (1, 2))
    assert np.array_equal(one.embed_passages(texts), two.embed_passages(texts))
    one.close()
    two.close()


def test_mean_pooling_takes_every_token(onnx_weights: Path) -> None:
    mean = OnnxEmbedder(msgspec.structs.replace(EMBEDDER, pooling="mean"), onnx_weights, threads=1)
    cls = OnnxEmbedder(EMBEDDER, onnx_weights, threads=1)
    vector = mean.embed_passages(["some words to take the mean of"])
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert not np.allclose(vector, cls.embed_passages(["some words to take the mean of"]))
    mean.close()
    cls.close()


def test_weights_are_loaded_on_first_use_and_given_back(onnx_weights: Path) -> None:
    embedder = OnnxEmbedder(EMBEDDER, onnx_weights, threads=2)
    assert not embedder.loaded
    before = resident_mb() if Path("/proc/self/statm").exists() else None
    embedder.embed_passages(["word " * 500] * 8)
    assert embedder.loaded
    if before is not None:
        loaded = resident_mb()
        embedder.close()
        # The weights alone are 34 MB; what the libraries keep of their own stays.
        assert loaded - resident_mb() > 30
    embedder.close()
    assert not embedder.loaded


def test_a_width_that_is_not_the_spaces_is_refused(onnx_weights: Path) -> None:
    wrong = OnnxEmbedder(msgspec.structs.replace(EMBEDDER, dim=128), onnx_weights, threads=1)
    with pytest.raises(ModelError, match="384 dimensions, expected 128"):
        wrong.embed_query("text")
    wrong.close()


def test_an_unavailable_provider_is_refused_with_what_there_is(onnx_weights: Path) -> None:
    missing = next(p for p in ("cuda", "coreml", "directml") if p not in available_providers())
    embedder = OnnxEmbedder(EMBEDDER, onnx_weights, provider=missing)
    with pytest.raises(ModelError, match=r"auto, .*cpu"):
        embedder.embed_query("text")
    assert "provider" in embedder.failure
    assert not embedder.loaded


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    for model in (OnnxEmbedder(EMBEDDER, tmp_path),):
        with pytest.raises(ModelError, match=r"prismd models pull bge-small-en-v1\.5"):
            model.embed_query("text")
    reranker = OnnxReranker(find("ms-marco-MiniLM-L-12-v2"), tmp_path)
    with pytest.raises(ModelError, match="prismd models pull ms-marco"):
        reranker.score("query", ["text"])


def test_broken_weights_are_an_error_of_the_model(onnx_weights: Path, tmp_path: Path) -> None:
    import hashlib

    content = b"not an ONNX file"
    folder = tmp_path / EMBEDDER.name
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    (folder / "tokenizer.json").symlink_to(onnx_weights / EMBEDDER.name / "tokenizer.json")
    weights = msgspec.structs.replace(
        EMBEDDER.files[0], size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    entry = msgspec.structs.replace(EMBEDDER, files=(weights, EMBEDDER.files[1]))
    with pytest.raises(ModelError, match="onnxruntime cannot load"):
        OnnxEmbedder(entry, tmp_path).embed_query("text")


def test_a_megabyte_of_text_is_counted_and_embedded(onnx_weights: Path) -> None:
    embedder = OnnxEmbedder(EMBEDDER, onnx_weights, threads=1)
    text = "word 😀 é " * 110_000
    offsets = embedder.tokens.offsets(text)
    start, end = offsets[-1]
    assert text[start:end] == "é"
    assert np.linalg.norm(embedder.embed_query(text)) == pytest.approx(1.0, abs=1e-5)
    embedder.close()
