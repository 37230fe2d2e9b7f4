"""A daemon killed by SIGKILL again and again, while files change and questions are asked.

    python -m tests.benchmarks.kill [--kills 100] [--seed 1]

Afterwards the index is held against one that was never disturbed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.cli.harness import Place
from tests.e2e.killing import kill_and_ask


def main() -> None:
    """Print what was killed, asked, lost and doubled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        outcome = kill_and_ask(Place(Path(scratch)), arguments.kills, arguments.seed)
    print(outcome)
    for wrong in (*outcome.lost, *outcome.doubled, *outcome.findings, *outcome.bodies)[:20]:
        print(wrong)
    print(f"in {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
