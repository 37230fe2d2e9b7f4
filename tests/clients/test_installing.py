"""Environments of clients are made once, made again when they must be, and missed in words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import installed
from tests.clients.installing import InstallError, node_with_packages, python_with


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with a lock that asks for nothing."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "none.lock").write_text("# nothing\n")
    return folder


def test_an_environment_is_made_once(packages: Path, tmp_path: Path) -> None:
    python = python_with("none", packages, tmp_path / "cache")
    said = subprocess.run([python, "-c", "print(6 * 7)"], capture_output=True, check=True)
    assert said.stdout == b"42\n"
    made = python.lstat().st_ctime_ns
    assert python_with("none", packages, tmp_path / "cache") == python
    assert python.lstat().st_ctime_ns == made


def test_another_lock_makes_it_anew(packages: Path, tmp_path: Path) -> None:
    python = python_with("none", packages, tmp_path / "cache")
    left_behind = python.with_name("left-behind")
    left_behind.touch()
    (packages / "none.lock").write_text("# still nothing\n")
    assert python_with("none", packages, tmp_path / "cache").exists()
    assert not left_behind.exists()


def test_what_cannot_be_installed_is_said_and_tried_again(packages: Path, tmp_path: Path) -> None:
    (packages / "none.lock").write_text("unhashed==1.0\n")
    for _ in range(2):
        with pytest.raises(InstallError, match=r"exit code 1\n[\s\S]*unhashed==1.0"):
            python_with("none", packages, tmp_path / "cache")
    (packages / "none.lock").write_text("# nothing\n")
    assert python_with("none", packages, tmp_path / "cache").exists()


def test_a_missing_npm_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallError, match="npm is not installed"):
        node_with_packages(cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_what_cannot_be_had_fails_where_it_must_be_there(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    def install() -> None:
        raise InstallError("pip: exit code 1\nno such package")

    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no such package"):
        installed(install)
