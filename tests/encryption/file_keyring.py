"""A keyring for processes that a test starts: in a folder, and silent for as long as it is to be.

The keyring itself is in ``file_keyring_backend``, which no test imports: a keyring is one of the
process's own from then on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = "KEYRING_OF_TESTS"
SILENT = "silent"
ASKED = "asked"

_BACKEND = "tests.encryption.file_keyring_backend.FileKeyring"


def variables(folder: Path) -> Mapping[str, str]:
    """What makes it the keyring of a process.

    Args:
        folder: Where it keeps what it is given; is there.
    """
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    return {
        "PYTHON_KEYRING_BACKEND": _BACKEND,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        FOLDER: str(folder),
    }


def silence(folder: Path) -> None:
    """Have it answer nobody from now on, nor who waits already."""
    (folder / SILENT).touch()


def asked(folder: Path) -> list[str]:
    """The entries that it has been asked for, to this moment."""
    told = folder / ASKED
    return told.read_text().splitlines() if told.exists() else []
