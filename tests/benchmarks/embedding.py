"""Text embedding against sentence-transformers (PyTorch, fp32): passages per second, the ratio.

    scripts/bench embedding [--against-peer] [--environment DIR] [--tokens N...]

Both sides get the same passages, the same number of threads and the same weights (prismd's,
dequantised for the peer), each in a process of its own, and take turns round by round, so that a
busy machine slows both alike. The peer is installed under ``build`` once, unless ``--environment``
names an environment that has it. Without either option only prismd's figures are told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder
from prismd.models.runner import ModelRunner, RunnerEmbedder
from tests.benchmarks.peer.environment import MODEL, OFFLINE, checkpoint, peers_python
from tests.benchmarks.report import Bar, Cell, Figure, Report, Table
from tests.benchmarks.workbench import models_folder

_SHORT = Bar("<", 5)
_PROMISED_TOKENS = 200
_TOKENS = (16, 64, 200, 512)
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

torch.set_num_threads(int(sys.argv[1]))
model = SentenceTransformer(sys.argv[2], device="cpu")
print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    texts = json.loads(line)
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=32, show_progress_bar=False)
    print(json.dumps({"seconds": time.perf_counter() - start, "shape": vectors.shape}), flush=True)
"""


class _Peer:
    """sentence-transformers in its own interpreter."""

    def __init__(self, python: Path, threads: int, weights: Path) -> None:
        self._process = subprocess.Popen(
            [python, "-c", _PEER, str(threads), str(weights)],
            env=os.environ | OFFLINE,
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


def passages(embedder: OnnxEmbedder, count: int, tokens: int) -> list[str]:
    """Different passages of exactly so many tokens, the special ones counted."""
    texts = []
    for number in range(count):
        words = [str(number), *(_WORDS[(number + at) % len(_WORDS)] for at in range(tokens))]
        text = " ".join(words)
        end = int(embedder.tokens.offsets(text)[tokens - _SPECIAL_TOKENS - 1, 1])
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
    parser.add_argument("--against-peer", action="store_true", help="install it, where need be")
    parser.add_argument("--environment", type=Path, help="one that has the peer already")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, nargs="+", default=list(_TOKENS), help="a passage")
    parser.add_argument("--passages", type=int, default=96, help="of 200 tokens; longer ones fewer")
    parser.add_argument("--rounds", type=int, default=5)


def measure(options: argparse.Namespace) -> Report:
    """Passages per second of both sides by length, and the time of a thousand short texts."""
    models_dir = models_folder(options.models)
    model = OnnxEmbedder(find(MODEL), models_dir, threads=options.threads)
    runner = ModelRunner(MODEL, model.close)
    ours = RunnerEmbedder(model, runner)
    peer = None
    if options.against_peer or options.environment:
        python = peers_python(options.environment)
        peer = _Peer(python, options.threads, checkpoint(python, models_dir))
    rates = {}
    for tokens in options.tokens:
        count = max(options.passages * _PROMISED_TOKENS // tokens, 32)
        rates[tokens] = _by_turns(ours, peer, passages(model, count, tokens), options.rounds)
    short = [f"short text number {number} of many" for number in range(1000)]
    short_s = seconds(ours, short)
    runner.close()
    named = "" if peer is None else f"; the peer is sentence-transformers, torch {peer.version}"
    if peer is not None:
        peer.close()
    title = f"passages/s, medians and least and most; {options.threads} threads"
    columns = ("tokens", "prismd, int8", "least–most", "peer, fp32", "least–most", "ratio")
    rows = tuple((str(tokens), *_cells(*both)) for tokens, both in rates.items())
    return Report(
        figures=(*_figures(rates), Figure("1,000 different short texts", short_s, "s", _SHORT)),
        tables=(Table(title, columns, rows),),
        notes=(f"{options.rounds} rounds by turns{named}.",),
    )


def _figures(rates: Mapping[int, tuple[list[float], list[float]]]) -> list[Figure]:
    own, other = rates.get(_PROMISED_TOKENS, ([], []))
    if not other:
        return []
    ratio = _ratio(own, other)
    return [Figure("passages of 200 tokens, against fp32", ratio, "", Bar(">=", 2.5))]


def _ratio(own: Sequence[float], other: Sequence[float]) -> float:
    """The median over the rounds, of which a busy moment spoils few."""
    return statistics.median(mine / theirs for mine, theirs in zip(own, other, strict=True))


def _cells(own: Sequence[float], other: Sequence[float]) -> tuple[Cell, ...]:
    mine = (statistics.median(own), f"{min(own):.3g}–{max(own):.3g}")
    if not other:
        return (*mine, None, None, None)
    theirs = (statistics.median(other), f"{min(other):.3g}–{max(other):.3g}")
    return (*mine, *theirs, _ratio(own, other))


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
