"""The settings as the daemon hands them to the API, which knows nothing of where they come from."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Source = Literal["default", "file", "environment", "flag"]


class Setting(Struct, frozen=True, kw_only=True):
    """One setting as it holds now.

    Attributes:
        key: Its name with that of its section, ``search.limit``.
        value: What holds; a key or password in it is left out.
        default: What holds where it is not set; None for a folder.
        about: What it does; literals stand between backquotes.
        source: Where it was set.
        place: The file or the environment variable; empty for the others.
    """

    key: str
    value: Any
    default: Any = None
    about: str = ""
    source: Source = "default"
    place: str = ""


class Section(Struct, frozen=True, kw_only=True):
    """Settings that belong together; ``name`` is empty for those outside of every table."""

    name: str
    about: str
    settings: tuple[Setting, ...]


class Configuration(Struct, frozen=True, kw_only=True):
    """All settings as they hold now.

    Attributes:
        file: The configuration file that is read, or would be.
        exists: Whether it is there.
    """

    file: str = ""
    exists: bool = False
    sections: tuple[Section, ...] = ()
