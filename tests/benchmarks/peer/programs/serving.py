"""A store behind JSON lines on standard input and output: indexed, opened again, asked.

What a request names is timed here, in the process that does it; memory and disk are looked at
from outside. A line asks, and a line answers:

- ``{"do": "load"}`` loads the model, so that no clock runs meanwhile;
- ``{"do": "index", "texts": […], "vectors": FILE or null}`` answers ``{"seconds": …}``;
- ``{"do": "open"}`` opens what an earlier process stored;
- ``{"do": "query", "texts": […], "vectors": FILE or null, "k": 10}`` answers ``{"ms": […],
  "found": [[index of the text, …], …], "embed_ms": […] or null}``.

Vectors are rows of a ``.npy`` file, as many as texts; with them, nothing is embedded.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Store(Protocol):
    """Passages on disk that are found again."""

    embed_ms: float | None
    """What embedding took of the query before; None where the store cannot tell."""

    def load(self) -> None:
        """Have the model in memory."""

    def index(self, texts: Sequence[str], vectors: Vectors | None) -> None:
        """Store texts, on disk when it returns."""

    def open(self) -> None:
        """Open what is stored."""

    def search(self, text: str, vector: Vectors | None, k: int) -> list[int]:
        """The indexes of the ``k`` texts that fit best, best first."""


def serve(store: Store) -> None:
    """Answer until the input ends."""
    # What libraries print goes to standard error.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        answers.write(json.dumps(_answer(store, json.loads(line))) + "\n")
        answers.flush()


def _answer(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    begun = time.perf_counter()
    if request["do"] == "query":
        return _query(store, request)
    if request["do"] == "load":
        store.load()
    elif request["do"] == "index":
        vectors = _vectors(request)  # read before the clock starts
        begun = time.perf_counter()
        store.index(request["texts"], vectors)
    else:
        store.open()
    return {"seconds": time.perf_counter() - begun}


def _query(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    vectors = _vectors(request)
    times, found, embedding = [], [], []
    for number, text in enumerate(request["texts"]):
        vector = None if vectors is None else vectors[number]
        begun = time.perf_counter()
        indexes = store.search(text, vector, request["k"])
        times.append(1000 * (time.perf_counter() - begun))
        found.append([int(index) for index in indexes])
        embedding.append(store.embed_ms)
    known = any(each is not None for each in embedding)
    return {"ms": times, "found": found, "embed_ms": embedding if known else None}


def _vectors(request: dict[str, Any]) -> Vectors | None:
    named = request.get("vectors")
    return np.load(named).astype(np.float32) if named else None
