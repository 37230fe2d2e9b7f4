"""The models that put pictures and texts into one space."""

from __future__ import annotations

from prismd.models.entry import HuggingFace, ModelEntry, ModelFile

LEAST_SIMILARITY = 0.24
"""The cosine from which on a picture is taken to show what a text says.

Not measured here, for want of weights. CLIP's cosines of captions with their own pictures lie
near 0.3 (the CLIPScore of people's captions on COCO is about 0.76, which is 2.5 times the cosine:
Hessel et al., EMNLP 2021; LAION-400M keeps pairs above 0.3: Schuhmann et al., 2021), those with
any other picture at 0.1 to 0.2. Questions are shorter than captions and score a little lower, so
the border is nearer to the strangers. ``tests/benchmarks/pictures.py`` measures both.
"""

_REPO = "Xenova/clip-vit-base-patch16"
# Towers and tokeniser were published with these checksums at one of these revisions or at both;
# whichever answers with other bytes is passed over.
_REVISIONS = (
    "c32d8e02b868e2fbb4d080d155161b06393fb0f2",
    "342fdf2f67aded64d138ff074745fb4a5d2bba5f",
)


def _file(name: str, path: str, size_bytes: int, sha256: str) -> ModelFile:
    sources = tuple(HuggingFace(_REPO, revision, path) for revision in _REVISIONS)
    return ModelFile(name, size_bytes, sha256, sources)


# The checksum of the tokeniser is checked by a test, which makes the file anew from the
# vocabulary that OpenAI published.
_CLIP_B16 = ModelEntry(
    name="clip-vit-base-patch16",
    role="image",
    engine="onnx",
    files=(
        _file(
            "vision_model.onnx",
            "onnx/vision_model_quantized.onnx",
            87_461_602,
            "44eece4fe5fe4e0359a88268a327adf758633a1aade3917690b952bef1501f96",
        ),
        _file(
            "text_model.onnx",
            "onnx/text_model_quantized.onnx",
            64_504_507,
            "9106b51e6c663a56b99182ec617c2b3d53577b037e7e24a7717eb78048a0c97a",
        ),
        _file(
            "tokenizer.json",
            "tokenizer.json",
            2_224_081,
            "72ed5c96db5729294468543e4bc75fce14ca63f58e37300290189ba1c1e52b85",
        ),
    ),
    max_tokens=77,
    licence="MIT",
    languages=("en",),
    dim=512,
    memory_bytes=350_000_000,
    note="int8; finds pictures by what they show",
    edge_px=224,
    least_similarity=LEAST_SIMILARITY,
)

ENTRIES: tuple[ModelEntry, ...] = (_CLIP_B16,)
"""The default first."""
