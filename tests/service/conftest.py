from __future__ import annotations

import secrets
import sys
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


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address for ``NOTIFY_SOCKET``, of each kind that there is."""
    if request.param == "path":
        return str(tmp_path / "notify")
    if sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's")
    return f"@prismd-test-{secrets.token_hex(8)}"
