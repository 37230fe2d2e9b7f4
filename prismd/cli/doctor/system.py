"""How further programs are installed on this system. Pure but for the look for its tools."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

Installer = Literal["apt", "dnf", "pacman", "brew", ""]
_TOOLS: dict[Installer, str] = {"apt": "apt-get", "dnf": "dnf", "pacman": "pacman"}


def installer(
    which: Callable[[str], str | None] = shutil.which, platform: str = sys.platform
) -> Installer:
    """What installs programs here; empty where that is none of those known."""
    if platform == "darwin":
        return "brew"
    return next((name for name, tool in _TOOLS.items() if which(tool)), "")


def in_shell(path: str | Path) -> str:
    """A path as it stands in a command."""
    return shlex.quote(str(path))


def tesseract_command(by: Installer, languages: Sequence[str] = ()) -> str:
    """The command that installs Tesseract with languages, or the languages alone.

    Args:
        by: What installs programs.
        languages: As Tesseract calls them; empty for Tesseract itself, which brings English and
            ``osd`` along.
    """
    if by == "apt":
        names = [f"tesseract-ocr-{name.replace('_', '-')}" for name in languages]
        return f"sudo apt install {' '.join(names or ['tesseract-ocr'])}"
    if by == "dnf":
        names = ["tesseract-osd" if n == "osd" else f"tesseract-langpack-{n}" for n in languages]
        return f"sudo dnf install {' '.join(names or ['tesseract'])}"
    if by == "pacman":
        names = [f"tesseract-data-{name}" for name in languages or ("eng", "osd")]
        return f"sudo pacman -S {' '.join(names if languages else ['tesseract', *names])}"
    if by == "brew":
        return f"brew install {'tesseract-lang' if languages else 'tesseract'}"
    what = f"tesseract's data for {', '.join(languages)}" if languages else "tesseract"
    return f"install {what} in the way that your system has for programs"
