"""Real files, real workers, a real index; only the models are the shipped fakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.extract.pool import ExtractPool
from tests.building import Indexer
from tests.ingest.passes import SETTINGS, CountingPool


@pytest.fixture(scope="module")
def workers() -> Iterator[ExtractPool]:
    pool = ExtractPool(2)
    yield pool
    pool.close()


@pytest.fixture
def pool(workers: ExtractPool) -> CountingPool:
    return CountingPool(workers)


@pytest.fixture
def indexer(tmp_path: Path, data_dir: Path, pool: CountingPool) -> Iterator[Indexer]:
    made = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS)
    yield made
    made.database.close()
