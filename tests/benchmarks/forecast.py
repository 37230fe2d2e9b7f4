"""How far off the told time left is: ``python -m tests.benchmarks.forecast FOLDER…``.

Indexes the folders anew with the models that are there, writes down every half second how long it
is said to take still, and holds that against how long it took. Pictures that get vectors of what
they show are not waited for, as the status does not.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from prismd.api.prospects import backlog_of
from prismd.config.loading import load
from prismd.daemon.assembly import Prism
from prismd.progress.costs import PRIORS
from prismd.store import counts, files, jobs

_STEP_S = 0.5
_SHARES = np.arange(0.1, 0.95, 0.1)


class Sample(msgspec.Struct, frozen=True):
    """What was told at a moment."""

    at_s: float
    eta_s: float | None
    hands: dict[str, float | None]


def main() -> None:
    """Index, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--costs", action="store_true", help="print what was learned")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as data_dir:
        flags = {"data_dir": data_dir, "folders": arguments.folders}
        prism = Prism(load(None, flags=flags))
        try:
            prism.put_roots()
            for root in prism.database.read(files.roots):
                prism.sweep(root)
            prism.ingest.start(heed_pause=False)
            samples = list(_sampled(prism))
            if arguments.costs:
                _print_costs(prism)
        finally:
            prism.close()
    _report(samples)


def _sampled(prism: Prism) -> Iterator[Sample]:
    began_s = time.monotonic()
    embeds = prism.models.embedder is not None
    while True:
        groups = prism.database.read(jobs.outstanding_by_root)
        passages, embedded = prism.database.read(counts.passages)
        left = passages - embedded if embeds else 0
        outlook = prism.progress.outlook(backlog_of(groups, left if embeds else None))
        yield Sample(time.monotonic() - began_s, outlook.eta_s, outlook.hands)
        if not groups and not left:
            return
        time.sleep(_STEP_S)


def _report(samples: list[Sample]) -> None:
    whole_s = samples[-1].at_s
    print(f"{len(samples)} samples over {whole_s:.0f} s")
    print("share  true_s  told_s  error")
    for share in _SHARES:
        sample = min(samples, key=lambda sample: abs(sample.at_s - share * whole_s))
        true_s = whole_s - sample.at_s
        told = "-" if sample.eta_s is None else f"{sample.eta_s:.1f}"
        error = "-" if sample.eta_s is None else f"{(sample.eta_s - true_s) / true_s:+.0%}"
        print(f"{share:5.0%} {true_s:7.1f} {told:>7} {error:>6}")
    inner = [s for s in samples if 0.1 * whole_s <= s.at_s <= 0.9 * whole_s]
    known = [s for s in inner if s.eta_s is not None]
    _print_errors("all of it", [(s.eta_s or 0.0, whole_s - s.at_s) for s in known], len(inner))
    ended: dict[str, float] = {}
    for sample in samples:
        ended |= dict.fromkeys(sample.hands, sample.at_s)
    hands = [
        (left_s, ended[lease] - s.at_s)
        for s in samples
        for lease, left_s in s.hands.items()
        if ended[lease] - s.at_s > 2 * _STEP_S
    ]
    told_hands = [(left_s, true_s) for left_s, true_s in hands if left_s is not None]
    _print_errors("files in hand", told_hands, len(hands))


def _print_errors(name: str, pairs: list[tuple[float, float]], asked: int) -> None:
    if not pairs:
        print(f"{name}: nothing was told, {asked} times")
        return
    told, true = np.array(pairs).T
    errors = np.abs(told - true) / true
    print(
        f"{name}: median error {np.median(errors):.0%}, p90 {np.percentile(errors, 90):.0%};"
        f" told {len(pairs)} of {asked} times"
    )


def _print_costs(prism: Prism) -> None:
    for kind in PRIORS:
        seen = prism.progress.costs.seen(kind)
        print(f"{kind:8} {seen:5} {prism.progress.costs.of(kind)}")


if __name__ == "__main__":
    main()
