"""Retrieval between pictures and captions, and where the border of likeness lies.

    PRISMD_CLIP_DIR=FOLDER python -m tests.benchmarks.pictures SET [--model NAME] [--models-dir DIR]

SET has ``captions.jsonl`` (``file``, ``captions``) and the pictures that it names. The model is
the one of ``--model`` (``clip`` by default, as pulled), or the ONNX towers in the folder that
``PRISMD_CLIP_DIR`` names. Pictures are read by the product's own worker, and both towers are run
by its own code. Ends with 1 and says what is missing where there are no weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prismd.config.options import Config
from prismd.errors import ModelError, PrismdError
from prismd.extract.pool import ExtractPool
from prismd.models.added import entries
from prismd.models.catalog import find
from prismd.models.checkpoint import entry_of
from prismd.models.clip import ClipEmbedder
from prismd.models.fetch import fetch
from prismd.models.installed import presence

RANKS = (1, 5, 10)


class Pairs:
    """Pictures and their captions.

    Attributes:
        files: The pictures.
        captions: All captions, those of one picture together.
        owner: For each caption the number of its picture.
    """

    def __init__(self, folder: Path) -> None:
        lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        self.files = [folder / row["file"] for row in rows]
        self.captions = [caption for row in rows for caption in row["captions"]]
        self.owner = np.repeat(np.arange(len(rows)), [len(row["captions"]) for row in rows])


def model_of(name: str, models_dir: Path, scratch: Path) -> ClipEmbedder:
    """The model to measure.

    Args:
        name: In the catalogue, or of the user's own.
        models_dir: Where it is.
        scratch: An empty folder.

    Raises:
        ModelError: There are no weights; says how to come by them.
    """
    if folder := os.environ.get("PRISMD_CLIP_DIR", ""):
        path = Path(folder).expanduser().absolute()
        if not path.is_dir():
            raise ModelError(f"PRISMD_CLIP_DIR: {path} is no folder")
        entry = entry_of("clip", path)
        fetch([entry], scratch)  # links to the files, wherever in the folder they are
        return ClipEmbedder(entry, scratch)
    entry = find(name, entries(models_dir))
    if entry.role != "image":
        raise ModelError(f"{name}: a model for {entry.role}; name one for images")
    if presence(entry, models_dir) == "missing":
        raise ModelError(
            f"{entry.name}: no weights in {models_dir}; run `prismd models pull {name}`, or name a "
            "folder with the two towers in PRISMD_CLIP_DIR"
        )
    return ClipEmbedder(entry, models_dir)


def recall(similar: NDArray[np.float32], right: NDArray[np.bool_], rank: int) -> float:
    """Share of the rows with a right column among the first ``rank``.

    Args:
        similar: Shape ``(rows, columns)``; higher is nearer.
        right: Of the same shape.
        rank: How many columns are looked at.
    """
    best = np.argsort(-similar, axis=1, kind="stable")[:, :rank]
    return float(np.take_along_axis(right, best, axis=1).any(axis=1).mean())


def report(similar: NDArray[np.float32], pairs: Pairs, border: float) -> None:
    """Print recall both ways, and how cosines of pairs and of strangers are spread.

    Args:
        similar: Cosines of captions (rows) and pictures (columns).
        pairs: What belongs together.
        border: The cosine from which on the product takes a picture to show a text.
    """
    right = pairs.owner[:, None] == np.arange(len(pairs.files))
    for way, table, truth in (
        ("text -> image", similar, right),
        ("image -> text", similar.T, right.T),
    ):
        shown = "  ".join(f"@{rank} {recall(table, truth, rank):.3f}" for rank in RANKS)
        chance = "  ".join(f"@{rank} {_chance(truth, rank):.3f}" for rank in RANKS)
        print(f"recall, {way}: {shown}   (by chance {chance})")
    for what, cosines in (("pairs", similar[right]), ("strangers", similar[~right])):
        at = np.percentile(cosines, (1, 5, 25, 50, 75, 95, 99))
        shown = "  ".join(f"{value:.3f}" for value in at)
        above = float((cosines >= border).mean())
        print(f"cosine of {what}, percentiles 1 5 25 50 75 95 99: {shown}")
        print(f"    at or above least_similarity {border}: {above:.1%}")


def _chance(right: NDArray[np.bool_], rank: int) -> float:
    """Recall of a random order: one minus the chance that ``rank`` draws all miss."""
    columns = right.shape[1]
    missed = np.ones(len(right))
    for drawn in range(min(rank, columns)):
        missed *= np.maximum(0, columns - right.sum(axis=1) - drawn) / (columns - drawn)
    return float(1 - missed.mean())


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--model", default="clip")
    parser.add_argument("--models-dir", type=Path, default=Config(data_dir=Path()).models_dir)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return measure(arguments.set, arguments.model, arguments.models_dir, Path(scratch))


def measure(folder: Path, name: str, models_dir: Path, scratch: Path) -> int:
    """Measure one model on one set, and print; the exit code."""
    try:
        model = model_of(name, models_dir, scratch)
        pairs = Pairs(folder)
        pool = ExtractPool(1)
        try:
            pixels = np.array([pool.pixels(path, model.edge_px) for path in pairs.files])
        finally:
            pool.close()
        model.embed_images(pixels[:1])
        model.embed_texts(pairs.captions[:1])
        start_s = time.perf_counter()
        images = model.embed_images(pixels)
        between_s = time.perf_counter()
        texts = model.embed_texts(pairs.captions)
        end_s = time.perf_counter()
    except PrismdError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{model.space.model}: {len(images)} pictures, {len(images) / (between_s - start_s):.1f}/s;"
        f" {len(texts)} captions, {len(texts) / (end_s - between_s):.1f}/s"
    )
    report(texts @ images.T, pairs, model.least_similarity)
    model.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
