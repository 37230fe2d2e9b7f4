"""Thousands of random programs against the watcher.

    python -m tests.watch.long_run --programs 2000 [--steps 30] [--seed 1] [--processes 2]

Prints how many programs ran, their steps by kind, the faults injected by kind, and the
differences found between an index and a fresh scan of the same disk. Programs that fail are
shrunk (unless ``--no-shrink``), printed with all their steps, and kept in ``--examples``; a run
with the same seed begins with them.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from prismd.disk.looking import heed_writers
from tests.watch.counting import shared_parsers
from tests.watch.machine import Programs
from tests.watch.tally import TALLY, Tally

_AT_ONCE = 50
"""So many programs are one search; after a failure the next one goes on with other programs."""


def run(
    programs: int, steps: int, first_seed: int, examples: Path, *, shrink: bool
) -> tuple[Tally, list[str]]:
    """Run programs in this process.

    Returns:
        What they did, and the failures, with the program and what came of it.
    """
    heed_writers()
    logging.disable()
    failures: list[str] = []
    with shared_parsers():
        number = 0
        while TALLY.programs < programs:
            try:
                search(_AT_ONCE, steps, first_seed + number, examples, shrink=shrink)
            except Exception:
                failures.append(traceback.format_exc())
                print(failures[-1], flush=True)
            number += 1
    return TALLY, failures


def search(programs: int, steps: int, number: int, examples: Path, *, shrink: bool = True) -> None:
    """Run some programs, the same ones for the same number.

    Raises:
        AssertionError: An index was not what it has to be; the notes tell the steps.
    """

    @seed(number)
    class Numbered(Programs):
        pass

    run_state_machine_as_test(
        Numbered,
        settings=settings(
            max_examples=programs,
            stateful_step_count=steps,
            deadline=None,
            database=DirectoryBasedExampleDatabase(examples / str(number)),
            phases=(Phase.reuse, Phase.generate, *([Phase.shrink] if shrink else [])),
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> None:
    """Run what the command line says, and print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--programs", type=int, default=2_000)
    arguments.add_argument("--steps", type=int, default=30, help="at most, of each program")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--no-shrink", action="store_true", help="show failures as they are")
    kept = Path(tempfile.gettempdir()) / "prismd-failing-programs"
    arguments.add_argument("--examples", type=Path, default=kept)
    asked = arguments.parse_args()
    began_s = time.monotonic()
    share = -(-asked.programs // asked.processes)
    total, failures = Tally(), []
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        runs = [
            pool.submit(
                run,
                share,
                asked.steps,
                asked.seed + 100_000 * number,
                asked.examples,
                shrink=not asked.no_shrink,
            )
            for number in range(asked.processes)
        ]
        for each in runs:
            tally, failed = each.result()
            total.add(tally)
            failures += failed
    print(total)
    print(f"differences found: {len(failures)}, in {time.monotonic() - began_s:.0f} s")
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
