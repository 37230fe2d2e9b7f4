"""prismd's packages, built once for all tests that look at them or install them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.archives import ROOT, build


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build("wheel", ROOT, tmp_path_factory.mktemp("packages") / "wheel")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this tree."""
    return build("sdist", ROOT, tmp_path_factory.mktemp("packages") / "sdist")
