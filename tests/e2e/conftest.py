from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.harness import Place
from tests.e2e.disks import Scenes


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)


@pytest.fixture(scope="module")
def scenes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scenes]:
    """What a module has in its ``SCENES``, all begun at once."""
    begun = Scenes(request.module.SCENES, tmp_path_factory.mktemp("scenes"))
    yield begun
    begun.close()
