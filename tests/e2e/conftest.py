from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)
