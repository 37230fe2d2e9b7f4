"""Text embedding against sentence-transformers (PyTorch, fp32): passages per second, the ratio.

Both sides get the same passages of 200 tokens and the same number of threads, each in a process
of its own, and take turns round by round, so that a busy machine slows both alike::

    scripts/bench embedding --peer /path/to/peer/bin/python

The peer is an interpreter with PyTorch and sentence-transformers in an environment of its own
(``pip install torch==2.13.0`` first, then ``pip install sentence-transformers``). Without
``--peer-model`` it computes a randomly initialised model of the same shape (BERT, 12 layers, 384
wide, 12 heads, 1536 within), which costs what the trained one costs; with it, the checkpoint at
that path. Without ``--peer`` only prismd's figures are told.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder
from prismd.models.runner import ModelRunner, RunnerEmbedder
from tests.benchmarks.report import Bar, Figure, Report, Table
from tests.benchmarks.workbench import models_folder

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


def seconds(embedder: RunnerEmbedder, texts: Sequence[str]) -> float:
    """Seconds to embed all texts, through the runner as ingestion does."""
    start = time.perf_counter()
    embedder.embed_passages(texts)
    return time.perf_counter() - start


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--models", type=Path, help="where the models are")
    parser.add_argument("--peer", default="", help="interpreter with sentence-transformers")
    parser.add_argument("--peer-model", default="", help="checkpoint folder for the peer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passages", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)


def measure(options: argparse.Namespace) -> Report:
    """Passages per second of both sides, and the time of a thousand short texts."""
    models_dir = models_folder(options.models)
    model = OnnxEmbedder(find(_MODEL), models_dir, threads=options.threads)
    runner = ModelRunner(_MODEL, model.close)
    ours = RunnerEmbedder(model, runner)
    texts = passages(model, options.passages)
    peer = None
    if options.peer:
        tokenizer = models_dir / _MODEL / "tokenizer.json"
        peer = _Peer(options.peer, options.threads, options.peer_model, tokenizer)
    rates = _by_turns(ours, peer, texts, options.rounds)
    short = [f"short text number {number} of many" for number in range(1000)]
    short_s = seconds(ours, short)
    runner.close()
    figures = [Figure("1,000 different short texts", short_s, "s", Bar("<", 5))]
    rows = [_row("prismd, int8", rates[0])]
    if peer is not None:
        weights = "checkpoint" if options.peer_model else "random weights of the same shape"
        rows.append(_row(f"sentence-transformers, torch {peer.version}, {weights}", rates[1]))
        ratio = statistics.median(mine / theirs for mine, theirs in zip(*rates, strict=True))
        figures.insert(0, Figure("passages of 200 tokens, against fp32", ratio, "", Bar(">=", 2.5)))
        peer.close()
    columns = ("passages/s", "median", "least", "most")
    return Report(
        figures=tuple(figures),
        tables=(Table("200 tokens a passage", columns, tuple(rows)),),
        notes=(f"{options.threads} threads, {options.rounds} rounds by turns.",),
    )


def _by_turns(
    ours: RunnerEmbedder, peer: _Peer | None, texts: Sequence[str], rounds: int
) -> tuple[list[float], list[float]]:
    """Passages per second of each side, a value for each round."""
    seconds(ours, texts[:32])  # neither side is timed while it warms up
    if peer is not None:
        peer.seconds(texts[:32])
    own: list[float] = []
    other: list[float] = []
    for _ in range(rounds):
        own.append(len(texts) / seconds(ours, texts))
        if peer is not None:
            other.append(len(texts) / peer.seconds(texts))
    return own, other


def _row(name: str, rates: Sequence[float]) -> tuple[str, float, float, float]:
    return name, statistics.median(rates), min(rates), max(rates)
