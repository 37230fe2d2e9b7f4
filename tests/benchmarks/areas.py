"""What can be measured: one module for each area."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, cast

from tests.benchmarks.report import Report


class Area(Protocol):
    """A module that measures something; its docstring's first line says what."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its own options."""

    def measure(self, options: argparse.Namespace) -> Report:
        """Measure, telling on standard error how far it is."""


AREAS: Mapping[str, str] = MappingProxyType(
    {
        "cli": "commands beside a running daemon: how long each takes, and its imports",
        "embedding": "texts embedded, against sentence-transformers",
        "idle": "what a daemon costs that has nothing to do",
        "indexing": "files to searchable passages, as a share of the embedding alone",
        "kill": "a daemon killed again and again while files change: what it loses or doubles",
        "peers": "prismd beside other stores over the same weights: speed, memory, disk, quality",
        "scaling": "what making and searching an index costs as it grows, and by which power",
        "search": "a hybrid search, step by step: its latency alone, together, with filters",
        "start": "a daemon started over unchanged files: searchable, reconciled",
        "vectors": "the vector search as it grows: speed, recall, filters",
        "watch": "changes, deletions, moves and touches on the disk: how soon they show",
    }
)
"""Areas by name, each with what it measures; the module has the same name."""


def load(name: str) -> Area:
    """The module of an area."""
    return cast("Area", importlib.import_module(f"tests.benchmarks.{name}"))
