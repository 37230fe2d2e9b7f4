"""The files that an installed service is written from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import prismd


def template(folder: str, name: str) -> str:
    """The text of a template, out of the installed package or the clone that it runs from.

    Args:
        folder: ``systemd`` or ``launchd``.
        name: Of the file.
    """
    packed = resources.files("prismd.service") / "shipped" / folder / name
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(prismd.__file__).parents[1] / folder / name).read_text(encoding="utf-8")
