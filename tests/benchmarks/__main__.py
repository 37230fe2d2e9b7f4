"""Measure prismd: ``scripts/bench AREA``.

Prints a table, and writes the same as JSON with the machine, the commit and the versions.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.benchmarks import areas, machine, report

_RESULTS = Path("build") / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one area.

    Returns:
        1 where a figure misses its bar and ``--strict`` is given, else 0.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments).parse_args(arguments)
    began = datetime.now(UTC)
    began_s = time.perf_counter()
    found = areas.load(options.area).measure(options)
    run = report.Run(
        area=options.area,
        arguments=tuple(arguments),
        began_at=began.isoformat(timespec="seconds"),
        took_s=round(time.perf_counter() - began_s, 1),
        commit=machine.commit(),
        machine=machine.facts(),
        versions=machine.versions(),
        report=found,
    )
    report.show(found, Console(soft_wrap=True, markup=False, highlight=False))
    target = options.json or _RESULTS / f"{options.area}-{began:%Y%m%dT%H%M%S}.json"
    report.write(run, target)
    print(f"written to {target}", file=sys.stderr)
    missed = any(figure.met is False for figure in found.figures)
    return 1 if missed and options.strict else 0


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure an area of prismd, print a table and write JSON.",
        epilog="The machine should have nothing else to do; figures are best read as ratios.",
    )
    parsers = parser.add_subparsers(dest="area", metavar="AREA", required=True)
    for name, what in areas.AREAS.items():
        one = parsers.add_parser(name, help=what, description=what)
        one.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
        one.add_argument("--strict", action="store_true", help="end with 1 where a bar is missed")
        if name in arguments:  # others would import what takes a second
            areas.load(name).add_arguments(one)
    return parser


if __name__ == "__main__":
    sys.exit(main())
