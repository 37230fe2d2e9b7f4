"""A watched folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.place import Place
from tests.watch.watched import Watched

FOLDER = "root"


@pytest.fixture(params=[True, False], ids=["one sweeper", "a new one each time"])
def watched(tmp_path: Path, data_dir: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    made = Watched(tmp_path / FOLDER, data_dir, remembers=request.param)
    yield made
    made.database.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.database.close()
