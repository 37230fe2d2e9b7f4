"""Places to run prismd in: empty ones, and one with a daemon that many tests ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.harness import Daemon, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon over the sample files, all of them read. Tests leave it as they found it."""
    place = Place(tmp_path_factory.mktemp("served"))
    place.write_sample()
    with place.daemon() as daemon:
        daemon.await_idle()
        yield daemon


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An index of the sample files without a daemon. Tests only read it."""
    place = Place(tmp_path_factory.mktemp("indexed"))
    place.write_sample()
    place.run("index", place.folder)
    return place
