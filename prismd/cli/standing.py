"""Parts of a status in words, for whoever prints one once or goes on telling it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prismd import __version__
from prismd.cli.terminal import plain
from prismd.place import progress_in_words
from prismd.timing import duration


def overtaken(version: str, running: bool) -> Iterator[str]:
    """What says that the running prismd is not of the version that is installed."""
    if running and version != __version__:
        yield f"restart    prismd {__version__} is installed; it runs once this one is started anew"


def faults(status: dict[str, Any]) -> list[str]:
    """What keeps something from going on, and what is wrong with the configuration."""
    told = [fault["message"] for fault in status["faults"]]
    return [fault for fault in dict.fromkeys((*told, status["config_fault"])) if fault]


def in_hand(item: dict[str, Any]) -> str:
    """A file in hand, how far its reading is, and how long it will take."""
    told = progress_in_words(item["stage"], item["done"], item["total"])
    left = f", {duration(item['eta_s'])} left" if item["eta_s"] else ""
    return f"{plain(item['path'])} ({told}{left})"
