"""Indexing end to end, as a share of what the embedding model does alone.

    scripts/bench indexing [FOLDER...] [--turns N] [--small N] [--models DIR]

The same passages are embedded twice, by turns: by a whole index run (sweep, hash, extract, chunk,
store, embed, write vectors), and by the model alone, which knows nothing of files. Without folders
three kinds of files are made: many small texts, long texts, office and PDF files.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import apsw
import msgspec
import psutil

from prismd.chunk import embedding_text
from prismd.models.onnx import OnnxEmbedder
from tests.benchmarks import made_files
from tests.benchmarks.report import Bar, Cell, Figure, Report, Table
from tests.benchmarks.workbench import indexed, load_models

_HEADINGS = msgspec.json.Decoder(tuple[str, ...])
_BAR = Bar(">=", 0.85)


class Indexed(msgspec.Struct, frozen=True):
    """What is in an index.

    Attributes:
        texts: What is embedded for its passages, each once, in the order they came.
        passages: How many passages there are, those of equal text too.
        vectors: How many of them have a vector.
        last_words_at: When the last document could be found by its words, in epoch seconds.
    """

    texts: tuple[str, ...]
    files: int
    bytes: int
    passages: int
    vectors: int
    last_words_at: float


class Turn(msgspec.Struct, frozen=True):
    """One index run, and the model alone over the same passages.

    Attributes:
        whole_s: From an empty index until all has been embedded and the readers have ended.
        words_s: From the same moment until all could be found by its words.
        own_cpu_s: Of the process that indexes, embeds and writes.
        readers_cpu_s: Of the processes that read files.
        written_bytes: What the process has had written, the log of the index included.
        index_bytes: The closed index.
        alone_s: The model alone.
        alone_cpu_s: What that took of the processors; other work on the machine changes it less.
    """

    whole_s: float
    words_s: float
    own_cpu_s: float
    readers_cpu_s: float
    written_bytes: int
    index_bytes: int
    alone_s: float
    alone_cpu_s: float
    found: Indexed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folders", nargs="*", type=Path, help="each measured by itself")
    parser.add_argument("--models", type=Path, help="where the models are")
    parser.add_argument("--turns", type=int, default=2, help="how often each is measured")
    parser.add_argument("--small", type=int, default=400, help="so many small files are made")


def measure(options: argparse.Namespace) -> Report:
    """Each kind of files in its turn."""
    embedder, _ = load_models(options.models)
    embedder.embed_query("load the model before the clock starts")
    embedder.tokens.offsets("and the tokeniser of the chunker")
    with tempfile.TemporaryDirectory() as scratch:
        kinds = {str(each): each for each in options.folders}
        kinds = kinds or _made(Path(scratch), options.small)
        slots = Path(scratch) / "slots"
        turns = {name: [_turn(folder, embedder, slots)] for name, folder in kinds.items()}
        for _ in range(1, options.turns):
            for name, folder in kinds.items():
                turns[name].append(_turn(folder, embedder, slots))
    return report(turns)


def _made(scratch: Path, small: int) -> dict[str, Path]:
    few = max(small // 40, 2)
    return {
        "many small texts": made_files.small_texts(scratch / "small", small),
        "long texts": made_files.long_texts(scratch / "long", few),
        "office and PDF": made_files.office_files(scratch / "office", 2 * few),
    }


def _turn(folder: Path, embedder: OnnxEmbedder, slots: Path) -> Turn:
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch)
        cpu, written = os.times(), _written_bytes()
        began_at, began_s = time.time(), time.perf_counter()
        with indexed(data_dir, [folder], embedder, slots_dir=slots) as database:
            whole_s, after = time.perf_counter() - began_s, os.times()
            found = database.read(contents)
        written = _written_bytes() - written
        index_bytes = sum(each.stat().st_size for each in data_dir.rglob("*") if each.is_file())
    if not found.texts:
        raise SystemExit(f"{folder}: nothing in it has text")
    if found.vectors < found.passages:
        print(f"{found.passages - found.vectors} passages have no vector", file=sys.stderr)
    alone_s, alone_cpu_s = _alone(embedder, found.texts)
    return Turn(
        whole_s=whole_s,
        words_s=found.last_words_at - began_at,
        own_cpu_s=after.user + after.system - cpu.user - cpu.system,
        readers_cpu_s=after.children_user
        + after.children_system
        - cpu.children_user
        - cpu.children_system,
        written_bytes=written,
        index_bytes=index_bytes,
        alone_s=alone_s,
        alone_cpu_s=alone_cpu_s,
        found=found,
    )


def _alone(embedder: OnnxEmbedder, texts: Sequence[str]) -> tuple[float, float]:
    """Seconds, and seconds of CPU, that the model takes for texts."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    embedder.embed_passages(texts)
    return time.perf_counter() - began_s, time.process_time() - began_cpu_s


def contents(connection: apsw.Connection) -> Indexed:
    """What is in an index, as far as its files hold it."""
    rows = connection.execute(
        "SELECT d.title, p.heading, p.text, min(p.id) FROM passages p"
        " JOIN documents d ON d.id = p.document_id WHERE p.char_end > p.char_start"
        " GROUP BY p.embedding_hash ORDER BY min(p.id)"
    )
    texts = tuple(
        embedding_text(str(title), _HEADINGS.decode(str(heading)), str(text))
        for title, heading, text, _ in rows
    )
    passages, vectors = next(
        connection.execute(
            "SELECT count(*), count(embedding_id) FROM passages WHERE char_end > char_start"
        )
    )
    files, size, last = next(
        connection.execute(
            "SELECT count(*), total(f.size_bytes), coalesce(max(d.indexed_at), 0) FROM files f"
            " JOIN documents d ON d.id = f.document_id"
        )
    )
    return Indexed(texts, int(files), int(size), int(passages), int(vectors), float(last))


def _written_bytes() -> int:
    """What this process has written until now, whether or not it has reached the disk."""
    return int(psutil.Process().io_counters().write_chars)


def report(turns: dict[str, list[Turn]]) -> Report:
    """Shares with their bar, and what each kind of files took; sums over the turns."""
    shares = tuple(
        Figure(
            f"share of the raw throughput, {name}",
            sum(turn.alone_s for turn in each) / sum(turn.whole_s for turn in each),
            "",
            _BAR,
        )
        for name, each in turns.items()
    )
    speeds: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *_speeds(each)) for name, each in turns.items()
    )
    costs: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *_costs(each)) for name, each in turns.items()
    )
    singly: tuple[tuple[Cell, ...], ...] = tuple(
        (name, number, turn.whole_s, turn.alone_s, turn.alone_s / turn.whole_s)
        for name, each in turns.items()
        for number, turn in enumerate(each, 1)
    )
    return Report(
        figures=shares,
        tables=(
            Table(
                "end to end",
                ("", "passages", "files/s", "MB/s", "passages/s", "alone/s", "by words/s"),
                speeds,
            ),
            Table(
                "what it takes",
                ("", "own CPU s", "readers' CPU s", "alone CPU s", "written/index"),
                costs,
            ),
            Table("by turns", ("", "turn", "whole s", "alone s", "share"), singly),
        ),
        notes=(
            "By words: passages that could be found by their words, per second until the last.",
            "Turns that differ much tell of other work on the machine; compare CPU seconds then.",
            "The readers are started within the run; their CPU includes that.",
        ),
    )


def _speeds(turns: Sequence[Turn]) -> tuple[int | float, ...]:
    found, whole_s = turns[0].found, sum(turn.whole_s for turn in turns) / len(turns)
    alone_s = sum(turn.alone_s for turn in turns) / len(turns)
    words_s = sum(turn.words_s for turn in turns) / len(turns)
    return (
        found.passages,
        found.files / whole_s,
        found.bytes / 1e6 / whole_s,
        found.passages / whole_s,
        len(found.texts) / alone_s,
        found.passages / words_s,
    )


def _costs(turns: Sequence[Turn]) -> tuple[float, ...]:
    return (
        sum(turn.own_cpu_s for turn in turns) / len(turns),
        sum(turn.readers_cpu_s for turn in turns) / len(turns),
        sum(turn.alone_cpu_s for turn in turns) / len(turns),
        sum(turn.written_bytes for turn in turns) / sum(turn.index_bytes for turn in turns),
    )
