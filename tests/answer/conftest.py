"""A small index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.store.database import Database
from tests.answer.asking import EMBEDDER, FERRY, LIBRARY
from tests.building import put


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    made = Database(data_dir)
    put(made, "/d/library.txt", LIBRARY)
    put(made, "/d/ferry.txt", FERRY, title="Ferries", embedder=EMBEDDER)
    yield made
    made.close()
