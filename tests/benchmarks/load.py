"""A daemon under load: mixed requests over kept connections while the files keep changing.

    python -m tests.benchmarks.load [--requests 1000] [--connections 50] [--rounds 1] [--real]

Prints for each route how many requests it got, how long they took and how they ended, and the
memory before and after. Routes that this prismd does not serve are left out. Ends with 1 if a
request ended with a 5xx that was not meant, a stream broke off, or a connection was dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.benchmarks.changing_files import STILL, changing, paragraph, question, write_files
from tests.benchmarks.daemon import Daemon

_QUOTED = {"engine": "extractive"}  # the stand-in for a generator would repeat all the evidence
_PATIENCE_S = 180.0
_SEED = 7


@dataclass(frozen=True)
class Asked:
    """A request to be sent.

    Attributes:
        path: With its parameters filled in.
        body: Sent as JSON; without one it is a GET.
        last: What the last event of a stream must contain, where it is one.
    """

    path: str
    body: dict[str, Any] | None = None
    last: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    Attributes:
        name: Its line in the table.
        route: The route as the API's description has it.
        share: How often it is sent, beside the others.
        make: A request of this kind, by chance.
        model: The model that it asks, where not every prismd has it.
    """

    name: str
    route: str
    share: int
    make: Callable[[random.Random, Known], Asked]
    model: str = "prism"


@dataclass(frozen=True)
class Known:
    """What requests name: files, citations and stores that were there at the beginning."""

    embedding: str
    files: list[str]
    pdf: str
    citations: list[str]
    stores: list[str]


@dataclass
class Tally:
    """How requests of a kind ended."""

    times_ms: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


def _chat(chance: random.Random, stream: bool, model: str = "prism") -> Asked:
    messages = [{"role": "user", "content": question(chance)}]
    body = {"model": model, "messages": messages, "stream": stream, "prism": _QUOTED}
    return Asked("/v1/chat/completions", body, "[DONE]" if stream else "")


def _response(chance: random.Random, stream: bool) -> Asked:
    body = {"model": "prism", "input": question(chance), "stream": stream, "prism": _QUOTED}
    return Asked("/v1/responses", body, "response.completed" if stream else "")


def _embeddings(chance: random.Random, known: Known) -> Asked:
    texts = [question(chance) for _ in range(chance.randint(1, 8))]
    return Asked("/v1/embeddings", {"model": known.embedding, "input": texts})


def _rerank(chance: random.Random, _: Known) -> Asked:
    texts = [paragraph(chance, number) for number in range(5)]
    return Asked("/v1/rerank", {"model": "", "query": question(chance), "documents": texts})


def _in_store(chance: random.Random, known: Known) -> Asked:
    store = chance.choice(known.stores)
    return Asked(f"/v1/vector_stores/{store}/search", {"query": question(chance)})


def _preview(_: random.Random, known: Known) -> Asked:
    return Asked(f"/files/{known.pdf}/preview")


def _get(path: str) -> Callable[[random.Random, Known], Asked]:
    return lambda chance, known: Asked(path)


def _of_file(path: str) -> Callable[[random.Random, Known], Asked]:
    return lambda chance, known: Asked(path.format(chance.choice(known.files)))


KINDS = [
    Kind("chat", "/v1/chat/completions", 12, lambda c, _: _chat(c, False)),
    Kind("chat, streamed", "/v1/chat/completions", 12, lambda c, _: _chat(c, True)),
    Kind(
        "raw chat, streamed",
        "/v1/chat/completions",
        4,
        lambda c, _: _chat(c, True, "prism-raw"),
        "prism-raw",
    ),
    Kind("search", "/search", 20, lambda c, _: Asked("/search", {"query": question(c)})),
    Kind(
        "search with answer",
        "/search",
        8,
        lambda c, _: Asked("/search", {"query": question(c), "answer": True, **_QUOTED}),
    ),
    Kind("embeddings", "/v1/embeddings", 10, _embeddings),
    Kind("models", "/v1/models", 5, _get("/v1/models")),
    Kind("files", "/files", 6, _get("/files?limit=50")),
    Kind("file", "/files/{id}", 4, _of_file("/files/{}")),
    Kind("content", "/files/{id}/content", 6, _of_file("/files/{}/content")),
    Kind("preview", "/files/{id}/preview", 2, _preview),
    Kind("citation", "/c/{id}", 4, lambda c, known: Asked(f"/c/{c.choice(known.citations)}")),
    Kind("status", "/status", 6, _get("/status")),
    Kind("health", "/health", 3, _get("/health")),
    Kind("errors", "/errors", 2, _get("/errors")),
    Kind("response", "/v1/responses", 6, lambda c, _: _response(c, False)),
    Kind("response, streamed", "/v1/responses", 6, lambda c, _: _response(c, True)),
    Kind("rerank", "/v1/rerank", 5, _rerank),
    Kind("vector stores", "/v1/vector_stores", 3, _get("/v1/vector_stores")),
    Kind("search of a store", "/v1/vector_stores/{id}/search", 8, _in_store),
    Kind("history", "/search/history", 3, _get("/search/history")),
    Kind("metrics", "/metrics", 3, _get("/metrics")),
    Kind("debug", "/debug/stats", 2, _get("/debug/stats")),
]


def main() -> None:
    """Print the table; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--real", action="store_true", help="real models, answers are quoted")
    parser.add_argument("--work", type=Path, help="keep files and index here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        models = ("bge-small-en-v1.5", "ms-marco-MiniLM-L-12-v2", "") if arguments.real else _FAKES
        folder = write_files(work / "files", arguments.files)
        daemon = Daemon(folder, work / "data", *models)
        daemon.start()
        try:
            daemon.wait_idle()
            faults = measure(daemon, folder, models[0], arguments)
        finally:
            daemon.stop()
    print("\n".join(["", *faults]) if faults else "\nNothing failed that was not meant to.")
    sys.exit(1 if faults else 0)


_FAKES = ("fake", "fake", "fake")


def measure(
    daemon: Daemon, folder: Path, embedding: str, arguments: argparse.Namespace
) -> list[str]:
    """Run the rounds, and print what they gave; gives what failed."""
    known, kinds = known_of(daemon, embedding), served(daemon)
    chance = random.Random(_SEED)
    # Each kind once: what loads on first use is loaded before the memory is read.
    send(daemon, [(kind, kind.make(chance, known)) for kind in kinds], 1)
    daemon.wait_idle()
    print(memory(daemon, "before"))
    faults: list[str] = []
    for number in range(arguments.rounds):
        drawn = chance.choices(kinds, [kind.share for kind in kinds], k=arguments.requests)
        asked = [(kind, kind.make(chance, known)) for kind in drawn]
        embedded, began_s = daemon.embeddings(), time.perf_counter()
        with changing(folder, arguments.files, chance.randrange(1 << 30)) as changes:
            tallies, dropped = send(daemon, asked, arguments.connections)
        took_s = time.perf_counter() - began_s
        embedded = daemon.embeddings() - embedded
        print(table(tallies))
        print(
            f"{len(asked)} requests over {arguments.connections} connections in {took_s:.1f} s,"
            f" {changes[0]} files changed and {embedded} passages embedded meanwhile"
        )
        daemon.wait_idle()
        print(memory(daemon, f"after round {number + 1}"))
        faults += faults_of(tallies, dropped)
    return faults


def known_of(daemon: Daemon, embedding: str) -> Known:
    """Look for what requests can name."""
    with httpx.Client(base_url=daemon.address, headers=daemon.headers, timeout=60) as client:
        # Files that keep changing may be gone when they are asked for.
        files = client.get("/files", params={"q": STILL, "limit": 200}).raise_for_status()
        still = {Path(file["path"]).name: file["id"] for file in files.json()["data"]}
        found = client.post("/search", json={"query": "lease"}).raise_for_status().json()
        # A sentence of the files, so that even the stand-ins for models cite it.
        sentence = found["results"][0]["metadata"]["text"].split(".")[0]
        asked = {"query": sentence, "answer": True}
        answer = client.post("/search", json=asked).raise_for_status().json()
        stores = client.get("/v1/vector_stores")
    return Known(
        embedding,
        [id_ for name, id_ in still.items() if name.endswith(".md")],
        next(id_ for name, id_ in still.items() if name.endswith(".pdf")),
        [citation["citation_id"] for citation in answer["citations"]],
        [store["id"] for store in stores.json()["data"]] if stores.is_success else [],
    )


def served(daemon: Daemon) -> list[Kind]:
    """The kinds of requests for which there is a route, and the model."""
    with httpx.Client(base_url=daemon.address, headers=daemon.headers, timeout=60) as client:
        described = client.get("/schema/openapi.json").raise_for_status().json()
        models = client.get("/v1/models").raise_for_status().json()["data"]
    there = {*map(_nameless, described["paths"]), *(model["id"] for model in models)}
    return [kind for kind in KINDS if {_nameless(kind.route), kind.model} <= there]


def _nameless(route: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in route.split("/"))


def send(
    daemon: Daemon, asked: list[tuple[Kind, Asked]], connections: int
) -> tuple[dict[str, Tally], int]:
    """Send requests, each connection one after the other.

    Returns:
        How they ended by kind, and how many connections had to be opened again.
    """
    return asyncio.run(_send(daemon, asked, connections))


async def _send(
    daemon: Daemon, asked: list[tuple[Kind, Asked]], connections: int
) -> tuple[dict[str, Tally], int]:
    waiting = iter(asked)
    tallies: dict[str, Tally] = defaultdict(Tally)
    opened = 0

    async def note(event: str, _: Any) -> None:
        nonlocal opened
        opened += event == "connection.connect_tcp.complete"

    async def work(number: int) -> None:
        one = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            base_url=daemon.address,
            # Each is a program of its own, and has its own limit where there is one.
            headers={**daemon.headers, "User-Agent": f"load/{number}"},
            limits=one,
            timeout=_PATIENCE_S,
            trust_env=False,
        ) as client:
            for kind, request in waiting:
                began_s = time.perf_counter()
                ended = await _end_of(client, request, note)
                tally = tallies[kind.name]
                tally.times_ms.append((time.perf_counter() - began_s) * 1000)
                tally.statuses[ended] += 1

    await asyncio.gather(*(work(number) for number in range(connections)))
    return dict(tallies), opened - min(connections, len(asked))


async def _end_of(client: httpx.AsyncClient, request: Asked, note: Any) -> str:
    """Send a request and read all of the answer; gives its status, or what went wrong."""
    method = "GET" if request.body is None else "POST"
    try:
        async with client.stream(
            method, request.path, json=request.body, extensions={"trace": note}
        ) as answer:
            body = (await answer.aread()).decode(errors="replace")
    except httpx.HTTPError as error:
        return f"dropped: {type(error).__name__}"
    if answer.status_code >= 500:
        return f"{answer.status_code} {_code_of(body)}".strip()
    if answer.is_success and request.last not in "\n".join(body.splitlines()[-4:]):
        return "broken off"
    return str(answer.status_code)


def _code_of(body: str) -> str:
    try:
        return str(json.loads(body)["error"]["code"] or "")
    except (ValueError, KeyError, TypeError):
        return ""


def faults_of(tallies: dict[str, Tally], dropped: int) -> list[str]:
    """What must not happen; a 503 that says why is meant."""
    faults = [
        f"{name}: {count} × {ended}"
        for name, tally in tallies.items()
        for ended, count in tally.statuses.items()
        if not re.fullmatch(r"[1-4]\d\d|503 \w+", ended)
    ]
    if dropped > 0:
        faults.append(f"{dropped} connections had to be opened again")
    return faults


def table(tallies: dict[str, Tally]) -> str:
    """A line for each kind."""
    lines = [f"\n{'':24}{'n':>6}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}  ended"]
    for kind in KINDS:
        if tally := tallies.get(kind.name):
            figures = "".join(f"{ms:>10.0f}" for ms in np.percentile(tally.times_ms, [50, 95, 99]))
            ends = ", ".join(f"{count} × {end}" for end, count in tally.statuses.most_common())
            lines.append(f"{kind.name:24}{len(tally.times_ms):>6}{figures}  {ends}")
    return "\n".join(lines)


def memory(daemon: Daemon, when: str) -> str:
    """What the daemon takes, its children apart."""
    taken = daemon.footprint()
    return (
        f"memory {when}: {taken['own_mb']:.0f} MB of its own,"
        f" {taken['own_all_mb']:.0f} MB with its children;"
        f" {taken['open_files']:.0f} open files, {taken['threads']:.0f} threads"
    )


if __name__ == "__main__":
    main()
