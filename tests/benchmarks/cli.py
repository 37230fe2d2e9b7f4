"""How long a command of ``prismd`` takes beside a running daemon, and what it spends on imports.

scripts/bench cli --times 10
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.changing_files import write_files
from tests.benchmarks.daemon import Daemon
from tests.benchmarks.report import Bar, Figure, Report, Table

_BAR = Bar("<=", 300.0)
_COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": ("--help",),
    "status": ("status",),
    "search": ("search", "lease"),
    "ask": ("ask", "When is the lease due?"),
    "files": ("files",),
}
_IMPORTED = re.compile(r"import time: +(\d+) \| +(\d+) \|( *)(\S+)")
_MOST_TOLD = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    parser.add_argument("--times", type=int, default=10, help="how often each is run")


def measure(options: argparse.Namespace) -> Report:
    """Run each command several times, beside a daemon with some files and models of no weight."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_files(Path(scratch) / "files", 40)
        data_dir = Path(scratch) / "data"
        daemon = Daemon(folder, data_dir, "fake", reranking="fake")
        daemon.start()
        try:
            daemon.wait_idle()
            command = _prismd(data_dir, daemon)
            rows = [
                (name, *timed(command, what, options.times)) for name, what in _COMMANDS.items()
            ]
            imports = imported([*command, "status"])
        finally:
            daemon.stop()
    figures = [Figure(f"prismd {row[0]}, p50", row[1], "ms", _BAR) for row in rows]
    return Report(
        tuple(figures),
        (
            Table("commands, ms", ("command", "p50", "p95", "processor p50"), tuple(rows)),
            Table("imports of prismd status, ms", ("module", "with its own", "by itself"), imports),
        ),
    )


def _prismd(data_dir: Path, daemon: Daemon) -> list[str]:
    port = daemon.address.rpartition(":")[2]
    os.environ["PRISMD_PORT"] = port
    return [sys.executable, "-X", "importtime", "-m", "prismd", "--data-dir", str(data_dir)]


def timed(command: list[str], what: tuple[str, ...], times: int) -> tuple[float, float, float]:
    """Wall time of a command, p50 and p95, and the median of its processor time, in ms."""
    plain = [command[0], *command[3:], *what]
    spent, processor = [], []
    for _ in range(times):
        before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(plain, stdout=subprocess.DEVNULL, check=True)
        spent.append(1000 * (time.perf_counter() - began_s))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        processor.append(1000 * used_s)
    p50, p95 = np.percentile(spent, (50, 95))
    return float(p50), float(p95), float(np.median(processor))


def imported(command: list[str]) -> tuple[tuple[str, float, float], ...]:
    """The modules whose import took longest, with and without what they import themselves."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [
        (name, int(cumulative) / 1000, int(own) / 1000)
        for own, cumulative, _, name in _IMPORTED.findall(done.stderr)
    ]
    return tuple(sorted(rows, key=lambda row: -row[1])[:_MOST_TOLD])
