"""How soon a daemon answers that is started over an unchanged disk, and has compared all of it.

scripts/bench start --files 100000 --at FOLDER
"""

from __future__ import annotations

import argparse
import statistics
import time

from tests.benchmarks import watching
from tests.benchmarks.report import Bar, Figure, Report, Table
from tests.benchmarks.watching import Measured

_SEARCHABLE = Bar("<", 1.0)
_RECONCILED = Bar("<", 10.0)
_NONE = Bar("==", 0.0)
_READ_SINCE = "SELECT count(*) FROM files WHERE indexed_at > ?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    watching.add_arguments(parser)
    parser.add_argument("--starts", type=int, default=5)


def measure(options: argparse.Namespace) -> Report:
    """Stop and start several times."""
    with watching.watched(options) as measured:
        rows = [restart(measured) for _ in range(options.starts)]
    searchable, cpu, reconciled, again, embedded = (
        list(column) for column in zip(*rows, strict=True)
    )
    over = f"{options.files:,} unchanged files"
    return Report(
        (
            Figure(f"searchable, {over}, median", statistics.median(searchable), "s", _SEARCHABLE),
            Figure("processor time until then, median", statistics.median(cpu), "s"),
            Figure(f"reconciled, {over}, median", statistics.median(reconciled), "s", _RECONCILED),
            Figure("files read again", max(again), "", _NONE),
            Figure("passages embedded again", max(embedded), "", _NONE),
        ),
        (
            Table(
                "starts",
                ("start", "searchable, s", "processor, s", "reconciled, s"),
                tuple((number, *row[:3]) for number, row in enumerate(rows, start=1)),
            ),
        ),
    )


def restart(measured: Measured) -> tuple[float, float, float, float, float]:
    """Stop and start: seconds until searchable, of the processor until then, until reconciled.

    Returns:
        These, and how many files were read and passages embedded again.
    """
    daemon = measured.daemon
    daemon.stop()
    began = time.time()
    searchable_s = daemon.start()
    cpu_s = daemon.footprint()["cpu_s"]
    reconciled_s = searchable_s + daemon.wait_idle()
    again = measured.read(_READ_SINCE, began)
    return searchable_s, cpu_s, reconciled_s, float(again), float(daemon.embeddings())
