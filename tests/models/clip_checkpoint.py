"""CLIP's tokeniser made from its vocabulary, and a small CLIP with random weights.

The small one has the true graph and a tokeniser of the true kind, with a handful of merges.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_START, _END = "<|startoftext|>", "<|endoftext|>"
# OpenAI's file holds more merges than the vocabulary has room for.
_OPENAI_MERGES = 49_152 - 256 - 2
FEW_MERGES = ("t h", "th e</w>", "i n", "r e", "re d</w>", "d o", "do g</w>", "a n", "an d</w>")


def openai_merges(packed: bytes) -> list[str]:
    """The merges in ``bpe_simple_vocab_16e6.txt.gz``, in order of their rank."""
    return gzip.decompress(packed).decode().split("\n")[1 : _OPENAI_MERGES + 1]


def tokenizer_json(merges: Sequence[str]) -> bytes:
    """CLIP's ``tokenizer.json`` with these merges, as the hub has it, byte for byte."""
    letters = _letters()
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary += ["".join(merge.split()) for merge in merges] + [_START, _END]
    ids = {token: number for number, token in enumerate(vocabulary)}
    added = {"single_word": False, "lstrip": False, "rstrip": False}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[token], "content": token, **added, "normalized": normal, "special": True}
            for token, normal in ((_START, True), (_END, False))
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {
                        "Regex": r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
                    },
                    "behavior": "Removed",
                    "invert": True,
                },
                _byte_level(add_prefix_space=False),
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [_END, ids[_END]],
            "cls": [_START, ids[_START]],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": _byte_level(add_prefix_space=True),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": _END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": ids,
            "merges": list(merges),
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode()


def write_checkpoint(folder: Path, *, legacy_end: bool = True, edge_px: int = 32) -> Path:
    """A CLIP of two layers with random weights, as ``save_pretrained`` leaves it.

    Args:
        folder: Made.
        legacy_end: The configuration names the end mark wrongly, as all of OpenAI's do; the
            model then takes the token of the highest number for it.
        edge_px: The side of its pictures.
    """
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(16)
    tokens = 512 + len(FEW_MERGES) + 2
    layers: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": 32,
    }
    config = CLIPConfig(
        text_config={
            **layers,
            "vocab_size": tokens,
            "bos_token_id": tokens - 2,
            "eos_token_id": 2 if legacy_end else tokens - 1,
        },
        vision_config={**layers, "image_size": edge_px, "patch_size": 8},
        projection_dim=32,
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            # At their usual start all texts come out nearly the same.
            if weights.ndim > 1 and "logit" not in name:
                weights.mul_(4.0)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tokenizer_json(FEW_MERGES))
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": _START,
        "eos_token": _END,
        "unk_token": _END,
        "pad_token": _END,
        "model_max_length": 77,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def _letters() -> list[str]:
    """A printable letter for each byte, as in GPT-2's tokeniser."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = len(set(range(256)) - set(printable))
    return [chr(code) for code in printable] + [chr(256 + number) for number in range(others)]


def _byte_level(*, add_prefix_space: bool) -> dict[str, Any]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": True,
    }
