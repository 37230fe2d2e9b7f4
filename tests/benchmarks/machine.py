"""What a measurement ran on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import apsw
import psutil

from prismd.cores import usable_cores

_ROOT = Path(__file__).parents[2]
_TELLING = (
    "prismd",
    "onnxruntime",
    "tokenizers",
    "sqlite-vec",
    "apsw-sqlite3mc",
    "numpy",
    "pymupdf",
    "faster-whisper",
    "ctranslate2",
    "llama-cpp-python",
)
"""Packages whose versions move the figures."""


def facts() -> dict[str, str | int | float]:
    """Processor, cores, memory and system."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Versions of what does the work, as far as it is installed."""
    found = {"sqlite": apsw.sqlite_lib_version()}
    for name in _TELLING:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that was measured, with ``+`` where files differ from it; empty without git."""
    try:
        named = _git("rev-parse", "--short=12", "HEAD")
        return named + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
