"""prismd beside what else makes files searchable: speed, memory, disk and quality in one run.

    scripts/bench peers FOLDER [--only NAME...] [--environment DIR]

FOLDER is a BEIR-shaped set (``corpus.jsonl``, ``queries.jsonl``, ``qrels.tsv``). Every store embeds
with the same weights: prismd in int8, the peers with sentence-transformers in fp32 over a
checkpoint made of them. Each indexes in one process and is asked in another, by one caller. The
peers are installed under ``build`` once, unless ``--environment`` names an environment with them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np

from prismd.cores import usable_cores
from prismd.models.catalog import find
from prismd.models.onnx import OnnxEmbedder
from tests.benchmarks.daemon import Daemon
from tests.benchmarks.peer.environment import MODEL, PROGRAMS, checkpoint, peers_python
from tests.benchmarks.peer.own import RERANKER
from tests.benchmarks.peer.process import Program, Watched
from tests.benchmarks.report import Cell, Figure, Report, Table
from tests.benchmarks.workbench import RetrievalSet, models_folder
from tests.evaluation.metrics import ndcg, recall

PEERS = {
    "faiss": "sentence-transformers + FAISS",
    "chroma": "Chroma",
    "txtai": "txtai",
    "llama_index": "LlamaIndex",
    "sqlite_vec": "sqlite-vec",
}
"""Programs by name, each with what it is called in tables."""
_OWN = "prismd, in process"
_K = 10
_WARM = 5


class Row(msgspec.Struct, frozen=True):
    """What was measured of one store.

    Attributes:
        texts_per_s: Indexed, with embedding and on disk; the models are loaded before.
        query_ms: Of each query, embedding within.
        search_ms: Of each query, embedding not within; empty where it cannot be told.
        loaded_bytes: Memory after the first queries.
        most_bytes: Memory at most, while indexing or being asked.
        disk_bytes: What is stored.
        ndcg: At 10, in the mean.
        recall: At 10, in the mean.
    """

    texts_per_s: float | None
    query_ms: tuple[float, ...]
    search_ms: tuple[float, ...]
    loaded_bytes: int
    most_bytes: int
    disk_bytes: int
    ndcg: float
    recall: float


class Asked(msgspec.Struct, frozen=True):
    """What every store is given.

    Attributes:
        data: The set.
        files: It as files, one for each text.
        texts: With their titles, in the order of the files.
        queries: Those with something relevant, by their ids.
        scratch: Where stores are made.
        models: Where prismd's weights are.
        threads: Of the models.
    """

    data: RetrievalSet
    files: Path
    texts: list[str]
    queries: dict[str, str]
    scratch: Path
    models: Path
    threads: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, help="a BEIR-shaped set")
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--environment", type=Path, help="one that has the peers already")
    parser.add_argument("--models", type=Path, help="where the models are")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--texts", type=int, help="only the first so many")
    parser.add_argument("--queries", type=int, help="only the first so many")


def measure(options: argparse.Namespace) -> Report:
    """One store after the other."""
    models = models_folder(options.models)
    python = peers_python(options.environment)
    weights = checkpoint(python, models)
    with tempfile.TemporaryDirectory() as scratch:
        asked = _asked(options, models, Path(scratch))
        rows = _own_rows(asked)
        given = _vectors(asked)
        for name in options.only:
            _tell(PEERS[name])
            rows[PEERS[name]] = _peer_row(asked, name, [str(python)], weights, given)
    return report(rows, asked)


def _asked(options: argparse.Namespace, models: Path, scratch: Path) -> Asked:
    data = RetrievalSet(options.folder)
    data.corpus = dict(list(data.corpus.items())[: options.texts])
    texts = [
        "\n\n".join(filter(None, [row.get("title"), row["text"]])) for row in data.corpus.values()
    ]
    judged = {id_: text for id_, text in data.queries.items() if data.relevant.get(id_)}
    queries = dict(list(judged.items())[: options.queries])
    files = data.write(scratch / "files")
    return Asked(data, files, texts, queries, scratch, models, options.threads)


def _own_rows(asked: Asked) -> dict[str, Row]:
    """prismd without and with reranking: in a process that has it, and over HTTP from a daemon."""
    rows = {}
    for mode, reranked in {"never": "", "auto": ", reranked"}.items():
        _tell(_OWN + reranked)
        data_dir = asked.scratch / "own"
        named = [str(asked.models), str(asked.files), str(data_dir), str(asked.threads), mode]
        command = [sys.executable, "-m", "tests.benchmarks.peer.own", *named]
        queries = list(asked.queries.values())
        rows[_OWN + reranked] = _stored(asked, command, data_dir, queries, index=mode == "never")
    _tell("prismd, daemon")
    return rows | _daemon_rows(asked)


def _peer_row(
    asked: Asked, name: str, python: list[str], weights: Path, given: tuple[Path, Path]
) -> Row:
    """A peer by its own embedding, and what it takes for the search alone, given vectors."""
    prefix = find(MODEL).space.query_prefix
    queries = [prefix + text for text in asked.queries.values()]
    command = [*python, str(PROGRAMS / f"with_{name}.py"), str(weights)]
    folder = asked.scratch / name
    row = _stored(asked, [*command, str(folder), str(asked.threads)], folder, queries)
    folder = asked.scratch / f"{name}-given"
    command += [str(folder), str(asked.threads)]
    with Program(command, asked.threads, asked.scratch / f"{name}.log") as program:
        program.ask("index", texts=asked.texts, vectors=str(given[0]))
    with Program(command, asked.threads, asked.scratch / f"{name}.log") as program:
        program.ask("open")
        answer = _query(program, queries, str(given[1]))
    return msgspec.structs.replace(row, search_ms=tuple(answer["ms"]))


def _stored(
    asked: Asked, command: list[str], folder: Path, queries: list[str], index: bool = True
) -> Row:
    """A store made in one process, and asked in another."""
    log, rate, most = asked.scratch / "programs.log", None, 0
    if index:
        with Program(command, asked.threads, log) as program:
            program.ask("load")
            took_s = program.ask("index", texts=asked.texts, vectors=None)["seconds"]
            rate, most = len(asked.texts) / took_s, program.memory.most_bytes
    with Program(command, asked.threads, log) as program:
        program.ask("load")
        program.ask("open")
        _query(program, queries[:_WARM])
        loaded = program.memory.now_bytes()
        answer = _query(program, queries)
        most = max(most, program.memory.most_bytes)
    pairs = zip(answer["ms"], answer["embed_ms"] or (), strict=bool(answer["embed_ms"]))
    return Row(
        texts_per_s=rate,
        query_ms=tuple(answer["ms"]),
        search_ms=tuple(whole - part for whole, part in pairs),
        loaded_bytes=loaded,
        most_bytes=most,
        disk_bytes=_disk_bytes(folder),
        **_quality(asked, answer["found"]),
    )


def _query(program: Program, queries: list[str], vectors: str | None = None) -> dict[str, Any]:
    return program.ask("query", texts=queries, vectors=vectors, k=_K)


def _daemon_rows(asked: Asked) -> dict[str, Row]:
    """What a user has: a daemon over the same files, asked over a kept connection."""
    data_dir, rows = asked.scratch / "daemon", {}
    daemon = Daemon(asked.files, data_dir, MODEL, RERANKER)
    began_s = time.perf_counter()
    daemon.start()
    memory = Watched(daemon.pid)
    try:
        daemon.wait_idle()
        rate: float | None = len(asked.texts) / (time.perf_counter() - began_s)
        for mode, reranked in {"never": "", "auto": ", reranked"}.items():
            with httpx.Client(base_url=daemon.address, headers=daemon.headers, timeout=60) as http:
                for text in list(asked.queries.values())[:_WARM]:
                    _over_http(http, text, mode)
                loaded = memory.now_bytes()
                took = [_over_http(http, text, mode) for text in asked.queries.values()]
            rows["prismd, daemon over HTTP" + reranked] = Row(
                texts_per_s=rate,
                query_ms=tuple(ms for ms, _ in took),
                search_ms=(),
                loaded_bytes=loaded,
                most_bytes=memory.most_bytes,
                disk_bytes=_disk_bytes(data_dir),
                **_quality(asked, [found for _, found in took]),
            )
            rate = None
    finally:
        memory.close()
        daemon.stop()
    return rows


def _over_http(http: httpx.Client, text: str, mode: str) -> tuple[float, list[int]]:
    """Milliseconds of one request, and the numbers of the files that it found."""
    began_s = time.perf_counter()
    answer = http.post("/search", json={"query": text, "limit": 2 * _K, "rerank": mode})
    took_ms = 1000 * (time.perf_counter() - began_s)
    answer.raise_for_status()
    paths = (result["metadata"]["path"] for result in answer.json()["results"])
    return took_ms, [int(stem) for stem in dict.fromkeys(Path(path).stem for path in paths)][:_K]


def _vectors(asked: Asked) -> tuple[Path, Path]:
    """Vectors of the texts and of the queries, for searches without embedding."""
    _tell("vectors for all")
    embedder = OnnxEmbedder(find(MODEL), asked.models, threads=asked.threads)
    texts, queries = asked.scratch / "texts.npy", asked.scratch / "queries.npy"
    np.save(texts, embedder.embed_passages(asked.texts))
    np.save(queries, np.stack([embedder.embed_query(text) for text in asked.queries.values()]))
    embedder.close()
    return texts, queries


def _quality(asked: Asked, found: Sequence[Sequence[int]]) -> dict[str, float]:
    """nDCG@10 and recall@10 in the mean over the queries."""
    ids = list(asked.data.corpus)
    ranked = [[ids[number] for number in numbers] for numbers in found]
    relevant = [asked.data.relevant[id_] for id_ in asked.queries]
    both = list(zip(ranked, relevant, strict=True))
    return {
        "ndcg": float(np.mean([ndcg(one, wanted, _K) for one, wanted in both])),
        "recall": float(np.mean([recall(one, wanted, _K) for one, wanted in both])),
    }


def _disk_bytes(folder: Path) -> int:
    """What a store takes; what prismd's readers share is not part of its index."""
    files = (each for each in folder.rglob("*") if "slots" not in each.parts and each.is_file())
    return sum(each.stat().st_size for each in files)


def _tell(what: str) -> None:
    print(f"{what}…", file=sys.stderr)


def report(rows: dict[str, Row], asked: Asked) -> Report:
    """A line for each store, and prismd against each of the others."""
    own = rows[_OWN]
    others = {name: row for name, row in rows.items() if not name.startswith("prismd")}
    figures = []
    for name, row in others.items():
        if own.texts_per_s and row.texts_per_s:
            ratio = own.texts_per_s / row.texts_per_s
            figures.append(Figure(f"texts/s, of those of {name}", ratio))
        ratio = float(np.median(own.query_ms) / np.median(row.query_ms))
        figures.append(Figure(f"p50 of a query, of that of {name}", ratio))
        figures.append(Figure(f"nDCG@10, less that of {name}", own.ndcg - row.ndcg))
    title = f"{asked.data.name}: {len(asked.texts):,} texts, {len(asked.queries)} queries"
    speeds: tuple[tuple[Cell, ...], ...] = tuple(
        (name, row.texts_per_s, *_percentiles(row.query_ms), *_percentiles(row.search_ms))
        for name, row in rows.items()
    )
    sizes: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *(each / 1e6 for each in (row.loaded_bytes, row.most_bytes, row.disk_bytes)))
        for name, row in rows.items()
    )
    quality: tuple[tuple[Cell, ...], ...] = tuple(
        (name, f"{row.ndcg:.3f}", f"{row.recall:.3f}") for name, row in rows.items()
    )
    return Report(
        figures=tuple(figures),
        tables=(
            Table(title, ("", "texts/s", "p50 ms", "p95", "search p50", "p95"), speeds),
            Table("what they take", ("", "MB loaded", "MB at most", "disk MB"), sizes),
            Table("what they find", ("", "nDCG@10", "recall@10"), quality),
        ),
        notes=(
            f"{asked.threads} threads. texts/s: embedded and on disk; a daemon's start is within.",
            "p50, p95: the query embedded and searched; search: without embedding it.",
            "prismd is asked for twice ten passages, of which each file counts once.",
            "Peers are given the model's query prefix; their texts end at 512 tokens.",
            "MB: own memory, no pages of files. Disk: of prismd without what its readers share.",
        ),
    )


def _percentiles(values: Sequence[float]) -> tuple[Cell, Cell]:
    if not values:
        return None, None
    return float(np.percentile(values, 50)), float(np.percentile(values, 95))
