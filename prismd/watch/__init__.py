"""Holds the disk against the index: what is new, changed, moved or gone becomes jobs."""

from prismd.watch.rules import Rules
from prismd.watch.sweep import Sweep, Sweeper, sweep

__all__ = ["Rules", "Sweep", "Sweeper", "sweep"]
