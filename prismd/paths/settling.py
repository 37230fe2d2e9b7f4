"""Folders whose changes survive a loss of power."""

from __future__ import annotations

import os
from pathlib import Path


def settle(folder: Path) -> None:
    """Have what was renamed or removed in a folder survive a loss of power.

    Raises:
        OSError: The disk does not take it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
