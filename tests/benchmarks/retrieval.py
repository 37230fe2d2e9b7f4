"""Ranking quality of each way to search, over BEIR-shaped folders.

    python -m tests.benchmarks.retrieval FOLDER... [--work DIR]

Each passage of a corpus becomes a file of its own, indexed by the real pipeline; every way of
searching is the product's own ``Search`` with other settings.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from prismd.search.searching import Search, SearchSettings
from tests.benchmarks.workbench import RetrievalSet, indexed, load_models, ndcg

SHIPPED = SearchSettings()


def ways() -> dict[str, SearchSettings]:
    """The ways that are compared."""
    change = msgspec.structs.replace
    lexical = change(SHIPPED, vector_weight=0.0, rerank="never")
    vector = change(SHIPPED, lexical_weight=0.0, substring_weight=0.0, rerank="never")
    fused = change(SHIPPED, rerank="never")
    return {
        "lexical": lexical,
        "vector": vector,
        "fused": fused,
        "fused + reranked": change(SHIPPED, rerank="always"),
        "shipped": SHIPPED,
    }


def measure(search: Search, data: RetrievalSet) -> tuple[float, float, float]:
    """nDCG@10, hit@1 and recall@10 over the judged queries."""
    stems = data.ids()
    figures = []
    for query_id, relevant in data.relevant.items():
        if query_id not in data.queries:
            continue
        result = search.search(data.queries[query_id], limit=50)
        ranked = list(dict.fromkeys(stems[Path(hit.path).stem] for hit in result.hits))[:10]
        positive = {id_ for id_, gain in relevant.items() if gain > 0}
        figures.append(
            (
                ndcg(ranked, relevant),
                float(bool(ranked) and ranked[0] in positive),
                len(positive & set(ranked)) / max(1, min(10, len(positive))),
            )
        )
    mean = np.mean(figures, axis=0)
    return float(mean[0]), float(mean[1]), float(mean[2])


def main() -> None:
    """Print a table per folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--work", type=Path, help="keep the indexes here for the next run")
    parser.add_argument("--models", type=Path, help="where the models are")
    arguments = parser.parse_args()
    embedder, reranker = load_models(arguments.models)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        for folder in arguments.folders:
            data = RetrievalSet(folder)
            name = f"{folder.parent.name}-{folder.name}"
            corpus = data.write(work / name / "files")
            print(f"\n{name}: {len(data.corpus)} passages, {len(data.relevant)} judged queries")
            print(f"{'':20}{'nDCG@10':>10}{'hit@1':>10}{'recall@10':>11}")
            with indexed(work / name / "data", [corpus], embedder) as database:
                for way, settings in ways().items():
                    search = Search(
                        database, embedder, reranker, settings, embedder.entry.languages
                    )
                    figures = measure(search, data)
                    print(
                        f"{way:20}{figures[0]:10.3f}{figures[1]:10.3f}{figures[2]:11.3f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
