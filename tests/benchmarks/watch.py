"""How soon what happens on the disk is in the answers: changes, deletions, a folder moved, a touch.

    scripts/bench watch --files 100000 --at FOLDER [--soak-s 3600]

With ``--soak-s`` the disk is changed at random for so long, and it is seen that nothing grows and
that the index agrees with the disk in the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from tests.benchmarks import watching
from tests.benchmarks.daemon import disk_paths, until
from tests.benchmarks.report import Bar, Figure, Report, Table
from tests.benchmarks.watching import Churn, Measured

_SHOWN = Bar("<", 2.0)
_MOVED = Bar("<", 10.0)
_NONE = Bar("==", 0.0)
_SOAK_STEP_S = 0.2
_MINUTE_S = 60.0
_FOOTPRINT = ("own_mb", "mapped_mb", "open_files", "threads", "processes", "cpu_s")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its own options."""
    watching.add_arguments(parser)
    parser.add_argument("--changes", type=int, default=50, help="files changed, then deleted")
    parser.add_argument("--soak-s", type=float, default=0.0, help="change the disk for so long")


def measure(options: argparse.Namespace) -> Report:
    """Change the disk in every way, one after the other."""
    with watching.watched(options) as measured:
        figures = [*move(measured), *touch(measured), *latency(measured, options.changes)]
        tables = [soak(measured, options.soak_s)] if options.soak_s else []
    return Report(tuple(figures), tuple(tables))


def move(measured: Measured) -> list[Figure]:
    """Rename a folder of 10,000 files, and back."""
    daemon = measured.daemon
    source, target = measured.folder / "top0", measured.folder / "renamed"
    count = len(disk_paths(source))
    before, began = daemon.embeddings(), time.time()
    sql = "SELECT count(*) FROM files WHERE path GLOB ?"
    source.rename(target)
    spent_s = until(lambda: measured.read(sql, f"{target}/*") == count, 0.1)
    again = measured.read("SELECT count(*) FROM files WHERE indexed_at > ?", began)
    embedded = daemon.embeddings() - before
    target.rename(source)
    until(lambda: measured.read(sql, f"{source}/*") == count, 0.1)
    return [
        Figure(f"a folder of {count:,} files moved", spent_s, "s", _MOVED),
        Figure("files of it read again", float(again), "", _NONE),
        Figure("passages of it embedded again", float(embedded), "", _NONE),
    ]


def touch(measured: Measured) -> list[Figure]:
    """Give every file the present time."""
    daemon = measured.daemon
    before, began_s = daemon.embeddings(), time.perf_counter()
    now_ns = time.time_ns()
    paths = disk_paths(measured.folder)
    for path in paths:
        os.utime(path, ns=(now_ns, now_ns))
    sql = "SELECT count(*) FROM files WHERE mtime_ns = ? AND state = 'completed'"
    until(lambda: measured.read(sql, now_ns) == len(paths), 0.5)
    spent_s, embedded = time.perf_counter() - began_s, daemon.embeddings() - before
    return [
        Figure(f"{len(paths):,} files touched are known to be the same", spent_s, "s"),
        Figure("passages of them embedded again", float(embedded), "", _NONE),
    ]


def latency(measured: Measured, count: int) -> list[Figure]:
    """Change files and delete files, one at a time, and ask until it shows."""
    daemon, chosen = measured.daemon, sorted(disk_paths(measured.folder))
    chosen = measured.random.sample(chosen, count)
    changes, deletions, texts = [], [], {}
    for number, path in enumerate(chosen):
        texts[path] = Path(path).read_text()
        word = f"zephyr{number}x{int(time.time())}"
        Path(path).write_text(f"The password of the {word} is written here.\n")
        changes.append(until(lambda p=path, w=word: p in daemon.search(w)))  # type: ignore[misc]
    for path in chosen:
        words = Path(path).read_text()
        Path(path).unlink()
        deletions.append(until(lambda p=path, w=words: p not in daemon.search(w)))  # type: ignore[misc]
    for path, text in texts.items():  # the next run is to begin with as many
        Path(path).write_text(text)
    figures = []
    for what, spent in (("a changed file is found", changes), ("a deleted one is not", deletions)):
        p50, p95, most = (float(value) for value in np.percentile(spent, [50, 95, 100]))
        figures += [
            Figure(f"{what}, p50 of {count}", p50, "s"),
            Figure(f"{what}, p95", p95, "s", _SHOWN),
            Figure(f"{what}, at most", most, "s"),
        ]
    return figures


def soak(measured: Measured, for_s: float) -> Table:
    """Change the disk at random for long, and see that nothing grows or gets lost."""
    daemon = measured.daemon
    churn = Churn(measured.folder, measured.random)
    began_s, told_s = time.perf_counter(), 0.0
    rows = []
    while (now_s := time.perf_counter()) < began_s + for_s:
        churn.step()
        if now_s - told_s >= _MINUTE_S:
            told_s = now_s
            took = daemon.footprint()
            rows.append((int(now_s - began_s), churn.steps, *(took[name] for name in _FOOTPRINT)))
            print(f"soak: {int(now_s - began_s)} of {for_s:.0f} s", file=sys.stderr)
        time.sleep(_SOAK_STEP_S)
    # Without a rescan: what events and the regular sweeps have found must be all.
    settled_s = until(lambda: measured.paths() == disk_paths(measured.folder), 0.5)
    title = f"soak; the index agrees with the disk {settled_s:.1f} s after the last change"
    return Table(title, ("s", "steps", *_FOOTPRINT), tuple(rows))
