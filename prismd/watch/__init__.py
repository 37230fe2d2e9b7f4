"""Holds the disk against the index: what is new, changed, moved or gone becomes jobs."""

from prismd.watch.once import sweep
from prismd.watch.rules import Rules
from prismd.watch.seen import Sweep
from prismd.watch.sweep import Sweeper

__all__ = ["Rules", "Sweep", "Sweeper", "sweep"]
