"""What a daemon costs that has nothing to do.

scripts/bench idle --files 100000 --at FOLDER
"""

from __future__ import annotations

import argparse
import time

from tests.benchmarks import watching
from tests.benchmarks.report import Bar, Figure, Report

_SHARE = Bar("<", 0.5)
_MEMORY = Bar("<", 250.0)
_SETTLING_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    watching.add_arguments(parser)
    parser.add_argument("--idle-s", type=float, default=300.0, help="how long it is watched")


def measure(options: argparse.Namespace) -> Report:
    """Do nothing, and see what it costs; a sweep of every five minutes is in it."""
    with watching.watched(options) as measured:
        daemon = measured.daemon
        time.sleep(_SETTLING_S)
        before, began_s = daemon.footprint(), time.perf_counter()
        time.sleep(options.idle_s)
        after, spent_s = daemon.footprint(), time.perf_counter() - began_s
    share = 100 * (after["cpu_s"] - before["cpu_s"]) / spent_s
    return Report(
        (
            Figure(f"of a core, over {spent_s:.0f} s", share, "%", _SHARE),
            Figure("memory, all its processes", after["own_all_mb"], "MB", _MEMORY),
            Figure("memory of the main process", after["own_mb"], "MB"),
            Figure("pages of files in it, which the system takes back", after["mapped_mb"], "MB"),
            Figure("open files", after["open_files"]),
            Figure("threads", after["threads"]),
        )
    )
