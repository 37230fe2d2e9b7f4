"""Builds prismd's packages as an index would be given them, and looks into them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 120.0


def build(kind: Literal["sdist", "wheel"], source: Path, folder: Path) -> Path:
    """Build a package with the backend that pyproject.toml names.

    Args:
        kind: Of package.
        source: The tree to build from.
        folder: Where the package goes.
    """
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = folder.iterdir()
    return package


def files_of(package: Path) -> dict[str, bytes]:
    """What is in a package, by name; of an sdist below its one folder."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    found = {}
    with tarfile.open(package) as sdist:
        for member in sdist.getmembers():
            content = sdist.extractfile(member)
            assert content is not None, f"{member.name} is no file"
            found[member.name.partition("/")[2]] = content.read()
    return found


def unpacked(sdist: Path, folder: Path) -> Path:
    """The tree of an sdist, written to a folder."""
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # not in the first releases of Python 3.11
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)
    (tree,) = folder.iterdir()
    return tree
