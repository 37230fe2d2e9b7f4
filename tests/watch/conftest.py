"""A watched folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.watched import Watched

FOLDER = "root"


@pytest.fixture
def watched(tmp_path: Path, data_dir: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / FOLDER, data_dir)
    yield made
    made.database.close()
