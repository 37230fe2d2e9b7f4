"""Measure how good prismd's searches and answers are: ``scripts/eval FOLDER…``.

Prints tables, and writes the same as JSON with the machine, the commit and the versions.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.benchmarks import machine, report
from tests.evaluation import kinds
from tests.evaluation.ways import name_of

_WIDTH = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure folders.

    Returns:
        2 where a folder has no shape that can be measured, else 0.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    wanted = {folder: _kinds(folder, options.kind) for folder in options.folders}
    unknown = [folder for folder, found in wanted.items() if not found]
    if unknown:
        names = ", ".join(map(str, unknown))
        print(f"nothing to measure in {names}; name a kind with --kind", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        options.work = options.work or Path(scratch)
        for folder, found in wanted.items():
            for name in found:
                _measure(name, folder, options, tuple(arguments))
    return 0


def _measure(
    name: str, folder: Path, options: argparse.Namespace, arguments: tuple[str, ...]
) -> None:
    began = datetime.now(UTC)
    began_s = time.perf_counter()
    found = kinds.load(name).measure(folder, options)
    run = report.Run(
        area=f"{name_of(folder)} {name}",
        arguments=arguments,
        began_at=began.isoformat(timespec="seconds"),
        took_s=round(time.perf_counter() - began_s, 1),
        commit=machine.commit(),
        machine=machine.facts(),
        versions=machine.versions(),
        report=found,
    )
    wide = None if sys.stdout.isatty() else _WIDTH
    report.show(found, Console(width=wide, markup=False, highlight=False))
    target = options.json / f"{name_of(folder)}-{name}-{began:%Y%m%dT%H%M%S}.json"
    report.write(run, target)
    print(f"written to {target}", file=sys.stderr)


def _kinds(folder: Path, named: str | None) -> tuple[str, ...]:
    return (named,) if named else kinds.suiting(folder)


def _parser() -> argparse.ArgumentParser:
    told = "\n".join(f"  {name}: {what}" for name, what in kinds.KINDS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/eval",
        description=f"Measure how good searches and answers are.\n\nkinds:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        conflict_handler="resolve",  # kinds may share an option
        allow_abbrev=False,
    )
    parser.add_argument("folders", nargs="+", type=_folder, metavar="FOLDER")
    parser.add_argument("--kind", choices=sorted(kinds.KINDS), help="instead of what is told by it")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep indexes and scores here")
    parser.add_argument("--models", type=Path, metavar="DIR", help="where the models are")
    parser.add_argument("--limit", type=int, metavar="N", help="questions or files at most")
    parser.add_argument(
        "--json", type=Path, metavar="DIR", default=Path("build") / "eval", help="for the figures"
    )
    for name in kinds.KINDS:
        kinds.load(name).add_arguments(parser)
    return parser


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return folder.resolve()


if __name__ == "__main__":
    sys.exit(main())
