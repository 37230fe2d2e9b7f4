"""Text embedding against sentence-transformers (PyTorch, fp32): passages per second, the ratio.

Both sides get the same passages of 200 tokens and the same number of threads, each in a process
of its own, and take turns round by round, so that a busy machine slows both alike::

    python -m tests.benchmarks.embedding --models-dir DIR --peer /path/to/peer/bin/python

The peer is an interpreter with PyTorch and sentence-transformers in an environment of its own
(``pip install torch==2.13.0`` first, then ``pip install sentence-transformers``). Without
``--peer-model`` it computes a randomly initialised model of the same shape (BERT, 12 layers, 384
wide, 12 heads, 1536 within), which costs what the trained one costs; with it, the checkpoint at
that path. Without ``--peer`` only prismd's figures are printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder
from prismd.models.runner import ModelRunner, RunnerEmbedder

_MODEL = "bge-small-en-v1.5"
_TOKENS = 200
_SPECIAL_TOKENS = 2
_WORDS = (
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "was",
    "for",
    "on",
    "as",
    "with",
    "by",
    "at",
    "from",
)

# Runs in the peer's interpreter, which has nothing of ours.
_PEER = """
import json, sys, time
import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel, BertTokenizerFast

threads, checkpoint, vocabulary = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(threads)
if checkpoint:
    model = SentenceTransformer(checkpoint, device="cpu")
else:
    import tempfile
    from sentence_transformers.models import Pooling, Transformer
    shape = BertConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=12,
                       intermediate_size=1536)
    folder = tempfile.mkdtemp()
    BertModel(shape).save_pretrained(folder)
    BertTokenizerFast(tokenizer_file=vocabulary, model_max_length=512).save_pretrained(folder)
    body = Transformer(folder, max_seq_length=512)
    model = SentenceTransformer(
        modules=[body, Pooling(384, pooling_mode="cls")], device="cpu"
    )
print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    texts = json.loads(line)
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=32, normalize_embeddings=True,
                           show_progress_bar=False)
    print(json.dumps({"seconds": time.perf_counter() - start, "shape": vectors.shape}), flush=True)
"""


class _Peer:
    """sentence-transformers in its own interpreter."""

    def __init__(self, python: str, threads: int, checkpoint: str, tokenizer: Path) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _PEER, str(threads), checkpoint, str(tokenizer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self._read()["torch"]

    def seconds(self, texts: Sequence[str]) -> float:
        into = cast("IO[str]", self._process.stdin)
        into.write(json.dumps(list(texts)) + "\n")
        into.flush()
        return float(cast("float", self._read()["seconds"]))

    def close(self) -> None:
        cast("IO[str]", self._process.stdin).close()
        self._process.wait()

    def _read(self) -> dict[str, object]:
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise SystemExit("the peer ended; its errors are above")
        return cast("dict[str, object]", json.loads(line))


def passages(embedder: OnnxEmbedder, count: int) -> list[str]:
    """Different passages of exactly 200 tokens, the special ones counted."""
    texts = []
    for number in range(count):
        words = [str(number), *(_WORDS[(number + at) % len(_WORDS)] for at in range(_TOKENS))]
        text = " ".join(words)
        end = int(embedder.tokens.offsets(text)[_TOKENS - _SPECIAL_TOKENS - 1, 1])
        texts.append(text[:end])
    return texts


def measure(embedder: RunnerEmbedder, texts: Sequence[str]) -> float:
    """Seconds to embed all texts, through the runner as ingestion does."""
    start = time.perf_counter()
    embedder.embed_passages(texts)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--peer", default="", help="interpreter with sentence-transformers")
    parser.add_argument("--peer-model", default="", help="checkpoint folder for the peer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passages", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    model = OnnxEmbedder(find(_MODEL), options.models_dir, threads=options.threads)
    runner = ModelRunner(_MODEL, model.close)
    ours = RunnerEmbedder(model, runner)
    texts = passages(model, options.passages)
    short = [f"short text number {number} of many" for number in range(1000)]
    tokenizer = options.models_dir / _MODEL / "tokenizer.json"
    peer = None
    if options.peer:
        peer = _Peer(options.peer, options.threads, options.peer_model, tokenizer)
        peer.seconds(texts[:32])
    measure(ours, texts[:32])

    own: list[float] = []
    other: list[float] = []
    for _ in range(options.rounds):
        own.append(len(texts) / measure(ours, texts))
        if peer is not None:
            other.append(len(texts) / peer.seconds(texts))
    report("prismd, int8", own)
    if peer is not None:
        weights = "checkpoint" if options.peer_model else "random weights of the same shape"
        report(f"sentence-transformers, torch {peer.version}, {weights}", other)
        ratios = [mine / theirs for mine, theirs in zip(own, other, strict=True)]
        sys.stdout.write(f"ratio: {statistics.median(ratios):.2f} (bar: 2.5)\n")
        peer.close()
    sys.stdout.write(f"1000 different short texts: {measure(ours, short):.2f} s (bar: 5)\n")
    runner.close()


def report(name: str, rates: Sequence[float]) -> None:
    """Print the median and the range of passages per second."""
    low, middle, high = min(rates), statistics.median(rates), max(rates)
    sys.stdout.write(f"{name}: {middle:.1f} passages/s (median; {low:.1f} to {high:.1f})\n")


if __name__ == "__main__":
    main()
