"""How often unanswerable questions are refused, and answerable ones by mistake.

    python -m tests.benchmarks.refusal FOLDER [--work DIR]

The folder is BEIR-shaped with ``answers.jsonl``, whose rows say ``is_impossible``. Printed are
both rates at several thresholds for each measure of confidence, and at the shipped ones.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prismd.answer.evidence import EvidenceSettings, confidence, good_enough
from prismd.search.searching import Search, SearchSettings
from tests.benchmarks.workbench import RetrievalSet, indexed, load_models

_QUANTILES = (0.02, 0.05, 0.1, 0.2, 0.3)


def table(name: str, values: NDArray[np.float64], impossible: NDArray[np.bool_]) -> None:
    """Print refusal rates at thresholds that refuse a given share of the answerable."""
    print(f"\n{name}\n{'threshold':>12}{'false refusal':>15}{'refusal':>10}")
    for quantile in _QUANTILES:
        threshold = float(np.quantile(values[~impossible], quantile))
        refused = values < threshold
        print(
            f"{threshold:12.4f}{refused[~impossible].mean():15.3f}{refused[impossible].mean():10.3f}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, help="keep the index here for the next run")
    parser.add_argument("--models", type=Path, help="where the models are")
    arguments = parser.parse_args()
    embedder, reranker = load_models(arguments.models)
    data = RetrievalSet(arguments.folder)
    with tempfile.TemporaryDirectory() as scratch:
        place = (arguments.work or Path(scratch)) / f"{arguments.folder.parent.name}-{data.name}"
        corpus = data.write(place / "files")
        with indexed(place / "data", [corpus], embedder) as database:
            search = Search(
                database, embedder, reranker, SearchSettings(), embedder.entry.languages
            )
            rows = []
            for query_id, answer in data.answers.items():
                hits = search.search(data.queries[query_id], limit=10).hits
                logits = [h.explanation.rerank_score for h in hits]
                rows.append(
                    (
                        bool(answer["is_impossible"]),
                        good_enough(hits, EvidenceSettings()),
                        confidence(hits)[0],
                        max((h.similarity for h in hits), default=0.0),
                        max((x for x in logits if x is not None), default=-20.0),
                    )
                )
    figures = np.array(rows, dtype=float)
    impossible = figures[:, 0] == 1
    refused = figures[:, 1] == 0
    print(
        f"{len(rows)} questions; shipped: refuses {refused[impossible].mean():.3f} of the"
        f" unanswerable, {refused[~impossible].mean():.3f} of the answerable"
    )
    table("probability by the reranker", figures[:, 2], impossible)
    table("similarity", figures[:, 3], impossible)
    table("logit and similarity", figures[:, 4] / 10 + figures[:, 3], impossible)


if __name__ == "__main__":
    main()
