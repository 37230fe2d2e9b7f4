"""A daemon killed by SIGKILL again and again, while files change and questions are asked.

Afterwards the index is held against one that was never disturbed::

    scripts/bench kill --kills 100
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.report import Bar, Figure, Report
from tests.cli.harness import Place
from tests.e2e.killing import kill_and_ask

_NONE = Bar("==", 0)
_MOST_TOLD = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    parser.add_argument("--kills", type=int, default=100, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the changes and the moments")


def measure(options: argparse.Namespace) -> Report:
    """Kill, change and ask; then compare."""
    with tempfile.TemporaryDirectory() as scratch:
        outcome = kill_and_ask(Place(Path(scratch)), options.kills, options.seed)
    wrong = (*outcome.lost, *outcome.doubled, *outcome.findings, *outcome.bodies)
    return Report(
        (
            Figure("lost", len(outcome.lost), bar=_NONE),
            Figure("doubled", len(outcome.doubled), bar=_NONE),
            Figure("findings of 'prismd check'", len(outcome.findings), bar=_NONE),
            Figure("answers with an error of the server", len(outcome.bodies), bar=_NONE),
        ),
        notes=(*str(outcome).splitlines(), *map(str, wrong[:_MOST_TOLD])),
    )
