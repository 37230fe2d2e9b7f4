"""The types of the page's JavaScript are really looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from check_page import NAME, PACKAGES, ROOT, check
from tests.clients.conftest import installed
from tests.clients.installing import node_with_packages

pytestmark = pytest.mark.clients

ASSETS = Path("prismd", "api", "web", "assets")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The page and what its check is told, where a test may change them."""
    shutil.copytree(ROOT / ASSETS, tmp_path / ASSETS)
    shutil.copy(ROOT / "tsconfig.json", tmp_path)
    return tmp_path


def test_the_page_has_no_fault_and_each_is_found(
    clone: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compiler = installed(lambda: node_with_packages(PACKAGES, name=NAME))
    assert check(clone, compiler) == 0, capfd.readouterr().out
    wrong = (
        'import { clock, no } from "./labels.js";\nconst made = document.querySelector("p").x;\n'
    )
    (clone / ASSETS / "wrong.js").write_text(wrong)
    assert check(clone, compiler) != 0
    said = capfd.readouterr().out
    assert "has no exported member 'no'" in said
    assert "possibly 'null'" in said
