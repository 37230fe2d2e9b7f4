"""Settings: where each may be given, what it may be, and what it is when not given.

Order: flag, environment, file, default. Only the composition root (the command line and the
daemon) reads this package; everything else is handed what it needs.
"""

from prismd.config.loading import Setting, default_path, describe, load
from prismd.config.options import SECTIONS, Config, Folder

__all__ = ["SECTIONS", "Config", "Folder", "Setting", "default_path", "describe", "load"]
