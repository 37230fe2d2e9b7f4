"""A path to a file that goes by another name, as what has no name of its own on the disk does."""

from __future__ import annotations

import os
from pathlib import Path, PosixPath


class Alias(PosixPath):
    """A path that opens one file, and is called like another: ``name`` and ``suffix`` say so."""

    _called = ""

    @classmethod
    def of(cls, path: bytes | str, name: str) -> Alias:
        """A path that is called ``name``."""
        alias = cls(os.fsdecode(path))
        alias._called = name
        return alias

    @property
    def name(self) -> str:
        """What the file is called."""
        return self._called or super().name

    @property
    def suffix(self) -> str:
        """The end of what it is called, with its dot."""
        return PosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        """What it is called without its suffix."""
        return PosixPath(self.name).stem


def called(path: Path) -> str:
    """What a file is called where its path does not say so; else nothing."""
    return path.name if isinstance(path, Alias) else ""
