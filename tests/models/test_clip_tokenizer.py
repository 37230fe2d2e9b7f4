"""CLIP's tokeniser in the catalogue is the one that OpenAI published.

Its checksum is not taken on trust: the file is made anew, byte for byte, from OpenAI's vocabulary
as a well-known package ships it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import tokenizers

from prismd.models.catalog import find
from prismd.models.entry import ModelEntry, ModelFile, wheel
from prismd.models.fetch import fetch
from tests.models.clip_checkpoint import FEW_MERGES, openai_merges, tokenizer_json

VOCABULARY = ModelEntry(
    name="clip-vocabulary",
    role="image",
    engine="onnx",
    files=(
        ModelFile(
            "bpe_simple_vocab_16e6.txt.gz",
            1_356_917,
            "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
            (wheel("open-clip-torch", "3.3.0", "open_clip/bpe_simple_vocab_16e6.txt.gz"),),
        ),
    ),
    max_tokens=77,
    licence="MIT",
)
# By OpenAI's own tokeniser (clip/simple_tokenizer.py).
EXPECTED = {
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "A Photo  of\ta CAT!": [320, 1125, 539, 320, 2368, 256],
    "two dogs on a beach, 1984": [1237, 3255, 525, 320, 2117, 267, 272, 280, 279, 275],
    "it's the children's kite": [585, 568, 518, 2153, 568, 19867],
    "Straße nach Zürich: 12,50 €": [
        *(1894, 127, 253, 324, 43622, 89, 6522, 4021, 281, 272, 273, 267, 276, 271, 6309)
    ],
    "une fenêtre ouverte": [10966, 5509, 27515, 6033, 520, 624, 756],
    "犬と猫": [163, 232, 105, 34671, 163, 234, 360],
    "собака": [23669, 20978, 109, 16912, 27152, 27080],
    "😀 smile": [7334, 3490],
    "3.14 + x_2 = <b>": [274, 269, 272, 275, 266, 343, 318, 273, 284, 283, 321, 285],
    "antidisestablishmentarianism": [3120, 4262, 7726, 12658, 1585, 44351],
    "": [],
    " ": [],
}
START, END = 49_406, 49_407


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("vocabulary")
    fetch([VOCABULARY], folder)
    packed = (folder / VOCABULARY.name / VOCABULARY.files[0].name).read_bytes()
    return tokenizer_json(openai_merges(packed))


@pytest.mark.models
def test_the_catalogues_checksum_is_that_of_openais_vocabulary(published: bytes) -> None:
    file = next(file for file in find("clip").files if file.name == "tokenizer.json")
    assert len(published) == file.size_bytes
    assert hashlib.sha256(published).hexdigest() == file.sha256


@pytest.mark.models
def test_tokens_are_those_of_openais_own_tokeniser(published: bytes, tmp_path: Path) -> None:
    from prismd.models.onnx import open_tokenizer

    path = tmp_path / "tokenizer.json"
    path.write_bytes(published)
    tokenizer = open_tokenizer(path)
    for text, ids in EXPECTED.items():
        assert tokenizer.encode(text).ids == [START, *ids, END]


def test_the_small_vocabulary_has_the_same_structure() -> None:
    tokenizer = tokenizers.Tokenizer.from_str(tokenizer_json(FEW_MERGES).decode())
    tokenizer.enable_truncation(8)
    encoding = tokenizer.encode("The RED dog and the red dog and the red dog")
    assert encoding.tokens == [
        *("<|startoftext|>", "the</w>", "red</w>", "dog</w>", "and</w>", "the</w>", "red</w>"),
        "<|endoftext|>",
    ]
