"""The configuration file that explains every option."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

_NAME = "config.example.toml"


def example() -> str:
    """Its text, out of the installed package or the source tree that prismd runs from."""
    packed = resources.files("prismd.config") / _NAME
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / _NAME).read_text(encoding="utf-8")
