"""What a folder can be measured for: one module for each kind of material."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from tests.benchmarks.report import Report


class Kind(Protocol):
    """A module that measures folders of one shape.

    All modules are imported, so that a folder can be told; what is heavy is imported in
    ``measure``. Every kind is given ``work`` (a folder to keep indexes and scores in), ``models``
    (where weights are, or None) and ``limit`` (questions or files at most, or None).
    """

    def suits(self, folder: Path) -> bool:
        """Whether a folder has this shape."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its own options; kinds may share one, declared alike."""

    def measure(self, folder: Path, options: argparse.Namespace) -> Report:
        """Measure a folder, telling on standard error how far it is."""


KINDS: Mapping[str, str] = MappingProxyType(
    {
        "retrieval": "how well each way to search ranks judged passages",
        "answers": "answers, citations and refusals against people's answers",
        "pages": "answers over long documents: which documents and pages are cited",
        "multilingual": "each way to search, by language, and all languages in one index",
    }
)
"""Kinds by name, each with what it measures; the module has the same name."""


def load(name: str) -> Kind:
    """The module of a kind."""
    return cast("Kind", importlib.import_module(f"tests.evaluation.{name}"))


def suiting(folder: Path) -> tuple[str, ...]:
    """The kinds whose shape a folder has."""
    return tuple(name for name in KINDS if load(name).suits(folder))
