"""A place for daemons, and addresses of those that they tell how they stand."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import pytest

from tests.cli.harness import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path)


@pytest.fixture
def address(tmp_path: Path) -> str:
    """An address for ``NOTIFY_SOCKET``."""
    return str(tmp_path / "notify")


@pytest.fixture(params=["path", "abstract"])
def any_address(request: pytest.FixtureRequest, address: str) -> str:
    """An address for ``NOTIFY_SOCKET``, of each kind that there is."""
    if request.param == "path":
        return address
    if sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's")
    return f"@prismd-test-{secrets.token_hex(8)}"
