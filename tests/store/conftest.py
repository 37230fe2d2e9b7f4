"""A real index in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.store.database import Database


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    """An empty index, open for writing."""
    with_index = Database(data_dir)
    yield with_index
    with_index.close()
