from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Place
from tests.service.desktop import Desktop


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    """A place whose user has a systemd."""
    return Desktop(tmp_path)
