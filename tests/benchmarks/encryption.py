"""What encryption costs: indexing, opening, searching, vectors and backups, as ratios.

    python -m tests.benchmarks.encryption --files 2500

Each is done with and without, in turn, several times; the ratio is that of the medians. The models
are fakes: whatever real ones take is the same either way, and would hide the cost; so is what the
processes that read files take, which is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from prismd.config.options import Chunking, Config, Folder, Models, Storage
from prismd.daemon.assembly import Prism
from prismd.daemon.unlocking import open_database
from prismd.domain import EmbeddingSpace
from prismd.store import code_building, files, vectors
from prismd.store.check import backup
from prismd.store.vector_search import SpaceSearch
from tests.benchmarks.vector_sources import Clustered
from tests.benchmarks.vectors import ask_all, fill

_FAKES = Models(embedding="fake", reranking="off", generation="off", image="off", speech="off")
_WORDS = 20_000
_PARAGRAPHS = 5
_PARAGRAPH_WORDS = 60
_DIM = 384
_POLL_S = 0.02


def write_corpus(folder: Path, count: int, random_: random.Random) -> None:
    """Files of a few paragraphs, of words that are as frequent as words are."""
    words = [f"word{number}" for number in range(_WORDS)]
    weights = [1 / (rank + 3) for rank in range(_WORDS)]
    for number in range(count):
        drawn = random_.choices(words, weights, k=_PARAGRAPHS * _PARAGRAPH_WORDS)
        text = "\n\n".join(
            " ".join(drawn[at : at + _PARAGRAPH_WORDS])
            for at in range(0, len(drawn), _PARAGRAPH_WORDS)
        )
        path = folder / f"{number % 50}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def config(place: Path, folder: Path, *, encrypted: bool) -> Config:
    """The settings of one side."""
    name = "encrypted" if encrypted else "plain"
    return Config(
        data_dir=place / name,
        folders=(Folder(path=folder),),
        models=_FAKES,
        chunking=Chunking(target_tokens=_PARAGRAPH_WORDS, overlap_tokens=0),
        sources={"folders.0": "flag"},
        storage=Storage(encryption=encrypted, key="file", key_file=place / "key"),
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time that something takes of this process, whatever others do."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def index(settings: Config) -> None:
    """One pass over all files, into a new index."""
    with contextlib.closing(Prism(settings)) as prism:
        prism.put_roots()
        for root in prism.database.read(files.roots):
            prism.sweep(root)
        prism.ingest.start()
        while not prism.ingest.idle():
            time.sleep(_POLL_S)
        prism.ingest.finish()


def open_and_close(settings: Config) -> None:
    """As every command without a daemon does."""
    open_database(settings, writable=False).close()


def search(prism: Prism, queries: list[str]) -> None:
    """Words, parts of words, names and vectors, fused."""
    for query in queries:
        prism.search.search(query, limit=10)


@contextlib.contextmanager
def codes(settings: Config, count: int) -> Iterator[Callable[[], float]]:
    """Many vectors; gives what measures a search, in milliseconds."""
    source = Clustered(count, _DIM)
    stored, queries = source.vectors(count), source.vectors(200)
    space = EmbeddingSpace("benchmark", "1", _DIM, 512)
    with contextlib.closing(open_database(settings, writable=True)) as database:
        space_id = database.write(lambda c: vectors.put_space(c, space))
        fill(database, space_id, stored)
        code_building.build(database, space_id, _DIM)
        found = SpaceSearch(space_id, space)
        yield lambda: ask_all(database, found, stored, queries).p50_ms


def compare(name: str, unit: str, plain: list[float], encrypted: list[float]) -> None:
    """Print one line."""
    one, other = statistics.median(plain), statistics.median(encrypted)
    print(f"{name:28}{one:10.2f}{other:11.2f} {unit:3}{other / one:8.2f}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=2_500)
    parser.add_argument("--vectors", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    random_ = random.Random(1)
    queries = [f"word{random_.randrange(200)} word{random_.randrange(5000)}" for _ in range(200)]
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch, "files")
        write_corpus(folder, arguments.files, random_)
        times: dict[tuple[str, bool], list[float]] = {}
        for number in range(arguments.rounds):
            for encrypted in (False, True):
                settings = config(Path(scratch, str(number)), folder, encrypted=encrypted)
                taken = timed(lambda settings=settings: index(settings))  # type: ignore[misc]
                times.setdefault(("index", encrypted), []).append(taken)
        both = {
            encrypted: config(Path(scratch, "0"), folder, encrypted=encrypted)
            for encrypted in (False, True)
        }
        opened = {
            encrypted: stack.enter_context(contextlib.closing(Prism(settings, writable=False)))
            for encrypted, settings in both.items()
        }
        far = {
            encrypted: stack.enter_context(
                codes(config(Path(scratch, "v"), folder, encrypted=encrypted), arguments.vectors)
            )
            for encrypted in both
        }
        for number in range(arguments.rounds + 1):
            for encrypted, prism in opened.items():
                copy = Path(scratch, f"copy{number}{encrypted}")
                done = {
                    "open": timed(lambda e=encrypted: open_and_close(both[e])),  # type: ignore[misc]
                    "search": timed(lambda p=prism: search(p, queries)),  # type: ignore[misc]
                    "vectors": far[encrypted](),
                    "backup": timed(lambda d=prism.database, c=copy: backup(d, c)),  # type: ignore[misc]
                }
                for name, taken in done.items():
                    if number > 0:  # the first round fills the caches
                        times.setdefault((name, encrypted), []).append(taken)
        sizes = [opened[encrypted].database.size_bytes() / 1e6 for encrypted in (False, True)]
        passages = opened[False].database.read(_passages)
        print(f"{arguments.files} files, {passages} passages, {sizes[0]:.0f} and {sizes[1]:.0f} MB")
        print(f"{'':28}{'plain':>10}{'encrypted':>11}{'ratio':>12}")
        for name, what, unit, times_one in (
            ("index", "indexing", "s", 1.0),
            ("open", "opening, five connections", "ms", 1e3),
            ("search", "a search by all ways", "ms", 1e3 / len(queries)),
            ("vectors", f"{arguments.vectors} vectors", "ms", 1.0),
            ("backup", "backup", "s", 1.0),
        ):
            one, other = ([times_one * each for each in times[name, e]] for e in (False, True))
            compare(what, unit, one, other)


def _passages(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM passages").get)


if __name__ == "__main__":
    main()
