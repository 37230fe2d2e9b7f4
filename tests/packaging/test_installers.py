"""The tools by which users install prismd, from an empty home; and the judge of its packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clients.conftest import installed
from tests.clients.installing import python_with
from tests.packaging.archives import ROOT

pytestmark = pytest.mark.packaging

# Read at import: a test has an empty home, and the registries that a user has set are the user's.
_ENVIRONMENT = dict(os.environ)
_PATIENCE_S = 280.0


@pytest.fixture(scope="module")
def installers() -> Path:
    """The folder of the tools."""
    return installed(lambda: python_with("installers", Path(__file__).parent / "packages")).parent


def call(*command: object, env: Mapping[str, str] | None = None) -> str:
    """Run a program that must succeed; returns what it said."""
    done = subprocess.run(
        list(map(str, command)),
        cwd="/",
        env={**_ENVIRONMENT, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_an_index_would_take_the_packages(installers: Path, wheel: Path, sdist: Path) -> None:
    said = call(installers / "twine", "check", "--strict", wheel, sdist)
    assert said.count("PASSED") == 2


@pytest.fixture(scope="module")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions of the lock without its hashes, which would be wanted of prismd, too."""
    lock = (ROOT / "requirements-runtime.lock").read_text(encoding="utf-8")
    lines = [line.rstrip(" \\") for line in lock.splitlines() if "--hash" not in line]
    path = tmp_path_factory.mktemp("pins") / "pins.txt"
    path.write_text("\n".join(lines))
    return path


def assert_runs(command: Path, home: Path) -> None:
    """The command works from an empty home, with no source tree near."""
    env = {"HOME": str(home), "PYTHONPATH": ""}
    assert "prismd, version" in call(command, "--version", env=env)
    assert "Exit codes:" in call(command, "--help", env=env)


@pytest.mark.slow
def test_pipx_installs_prismd_with_all_that_it_needs(
    installers: Path, pins: Path, tmp_path: Path
) -> None:
    folders = {"PIPX_HOME": "pipx", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man"}
    env = {name: str(tmp_path / folder) for name, folder in folders.items()}
    options = ["--python", sys.executable, f"--pip-args=--constraint={pins}"]
    call(installers / "pipx", "install", *options, ROOT, env=env)
    assert_runs(tmp_path / "bin" / "prismd", tmp_path)


@pytest.mark.slow
def test_uv_installs_prismd_with_all_that_it_needs(
    installers: Path, pins: Path, tmp_path: Path
) -> None:
    env = {
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    options = ["--quiet", "--python", sys.executable, "--constraints", pins]
    call(installers / "uv", "tool", "install", *options, ROOT, env=env)
    assert_runs(tmp_path / "bin" / "prismd", tmp_path)
