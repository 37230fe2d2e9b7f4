"""Whether hits of every kind get their due: texts, pictures of text and recordings in one index.

    python -m tests.benchmarks.mixed FOLDER [--passages 90] [--work DIR]

The passages of a BEIR-shaped folder become, by turns, a text, a picture of a page and a spoken
recording; each question is asked once, and its passage is one of the three. Compared are ways to
put the hits of all kinds into one order: the shipped one, and two that treat kinds apart.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from prismd.domain import Hit
from prismd.models.catalog import find
from prismd.models.whisper import WhisperTranscriber
from prismd.search.searching import Search, SearchSettings
from tests.benchmarks.workbench import RetrievalSet, indexed, load_models, models_folder
from tests.speaking import speech, write_wav

KINDS = ("text", "picture", "recording")
_CHARS = 400
_FONT_PX = 40
_WIDTH_PX = 1654  # A4 at 200 dpi


def main() -> None:
    """Print hit@1 and hit@3 by kind for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--passages", type=int, default=90)
    parser.add_argument("--work", type=Path, help="keep the index here for the next run")
    parser.add_argument("--models", type=Path, help="where the models are")
    arguments = parser.parse_args()
    models_dir = models_folder(arguments.models)
    embedder, reranker = load_models(models_dir)
    transcriber = WhisperTranscriber(
        find("whisper-base"), models_dir, threads=2, idle_unload_s=None
    )
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        asked = write(RetrievalSet(arguments.folder), work / "files", arguments.passages)
        with indexed(
            work / "data", [work / "files"], embedder, transcriber=transcriber
        ) as database:
            search = Search(
                database, embedder, reranker, SearchSettings(), embedder.entry.languages
            )
            found = {query: search.search(query, limit=50).hits for query in asked}
        transcriber.close()
    print(f"{'':24}" + "".join(f"{kind:>20}" for kind in (*KINDS, "all")))
    for name, order in WAYS.items():
        print(f"{name:24}" + figures(asked, {query: order(hits) for query, hits in found.items()}))


def write(data: RetrievalSet, folder: Path, most: int) -> dict[str, tuple[str, str]]:
    """Write the passages as files of the three kinds by turns.

    Returns:
        For each question the stem of its passage's file, and its kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    questions: dict[str, str] = {}
    for query_id, relevant in data.relevant.items():
        questions.setdefault(next(iter(relevant)), data.queries.get(query_id, ""))
    asked: dict[str, tuple[str, str]] = {}
    wanted = [id_ for id_ in questions if id_ in data.corpus and questions[id_]][:most]
    for number, id_ in enumerate(wanted):
        kind, stem = KINDS[number % len(KINDS)], f"{number:04}"
        text = data.corpus[id_]["text"][:_CHARS].rsplit(". ", 1)[0] + "."
        _WRITERS[kind](folder / stem, text)
        asked[questions[id_]] = (stem, kind)
    return asked


def _write_text(path: Path, text: str) -> None:
    path.with_suffix(".txt").write_text(text, encoding="utf-8")


def _write_picture(path: Path, text: str) -> None:
    lines = textwrap.wrap(text, 70)
    image = Image.new("L", (_WIDTH_PX, 200 + 60 * len(lines)), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=_FONT_PX)
    for number, line in enumerate(lines):
        draw.text((100, 100 + 60 * number), line, fill=20, font=font)
    image.rotate(0.5, fillcolor=250).save(path.with_suffix(".png"))


def _write_recording(path: Path, text: str) -> None:
    target = path.with_suffix(".wav")
    if not target.exists():
        write_wav(target, speech(text))


_WRITERS: dict[str, Callable[[Path, str], None]] = {
    "text": _write_text,
    "picture": _write_picture,
    "recording": _write_recording,
}


def _one_list(hits: Sequence[Hit]) -> list[Hit]:
    return list(hits)


def _by_similarity(hits: Sequence[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: -hit.similarity)


def _by_turns(hits: Sequence[Hit]) -> list[Hit]:
    kinds: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        kinds[hit.type].append(hit)
    return [hit for hit in chain.from_iterable(zip_longest(*kinds.values())) if hit is not None]


WAYS: dict[str, Callable[[Sequence[Hit]], list[Hit]]] = {
    "shipped: one list": _one_list,
    "by similarity": _by_similarity,
    "kinds by turns": _by_turns,
}


def figures(asked: dict[str, tuple[str, str]], found: dict[str, list[Hit]]) -> str:
    """hit@1 / hit@3 by kind and in all, as a row."""
    hits: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for query, (stem, kind) in asked.items():
        ranked = list(dict.fromkeys(Path(hit.path).stem for hit in found[query]))
        for group in (kind, "all"):
            hits[group].append((ranked[:1] == [stem], stem in ranked[:3]))
    rows = [np.mean(hits[kind], axis=0) for kind in (*KINDS, "all")]
    return "".join(f"{row[0]:>12.3f} / {row[1]:.3f}" for row in rows)


if __name__ == "__main__":
    main()
