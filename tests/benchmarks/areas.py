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
        "embedding": "texts embedded, against sentence-transformers",
        "indexing": "files to searchable passages, as a share of the embedding alone",
        "search": "a hybrid search, step by step: its latency alone, together, with filters",
        "vectors": "the vector search as it grows: speed, recall, filters",
    }
)
"""Areas by name, each with what it measures; the module has the same name."""


def load(name: str) -> Area:
    """The module of an area."""
    return cast("Area", importlib.import_module(f"tests.benchmarks.{name}"))
