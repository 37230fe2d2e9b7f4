"""Which folders the settings name, by the paths that they really have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from prismd.config.options import Config
from prismd.paths.real_path import as_it_stands, real_path
from prismd.store.files import Root

Origin = Literal["config", "command"]


class Named(msgspec.Struct, frozen=True):
    """A folder of the settings.

    Attributes:
        given: Its path as the settings name it.
        path: Its real path; where its disk does not answer the one that it had last, or else the
            one that it is named by.
        origin: Whether the configuration file names it, or the command did.
        answered: Whether its disk answered.
    """

    given: str
    path: str
    origin: Origin
    answered: bool


class Placed(msgspec.Struct, frozen=True):
    """Settings, and where their folders are.

    Attributes:
        settings: As they were read.
        config: The same, in which every folder goes by its real path.
        named: Their folders, in the order of the settings.
        again: Whether they are none of the start, but were read once more.
    """

    settings: Config
    config: Config
    named: tuple[Named, ...]
    again: bool = False

    @property
    def owner(self) -> str:
        """The configuration file that folders are forgotten with; empty where it says nothing."""
        return owner(self.config)

    @property
    def paths(self) -> frozenset[str]:
        """The folders' real paths."""
        return frozenset(folder.path for folder in self.named)

    @property
    def unsure(self) -> frozenset[str]:
        """The folders whose disks did not answer, as they are named."""
        return frozenset(folder.given for folder in self.named if not folder.answered)

    @property
    def configured(self) -> frozenset[str]:
        """The real paths of those that the configuration file names."""
        return frozenset(folder.path for folder in self.named if folder.origin == "config")

    @property
    def found(self) -> dict[str, str]:
        """The real paths of those whose disks answered, by what they are named."""
        return {folder.given: folder.path for folder in self.named if folder.answered}

    def disowns(self, root: Root) -> bool:
        """Whether the configuration file has named a folder, and seems to name it no more."""
        of_file = bool(self.owner) and root.origin == "config" and root.config_file == self.owner
        return of_file and root.path not in self.paths

    def leaves(self, root: Root) -> bool:
        """Whether a folder is named no more for certain.

        As long as nobody can tell where a folder of the settings is, it could be any.
        """
        return not self.unsure and self.disowns(root)


def place(config: Config, noted: Mapping[str, str], *, again: bool = False) -> Placed:
    """Find the folders of the settings.

    Args:
        config: The settings.
        noted: Where the folders were last, by what they are named.
        again: Whether they were read once more.
    """
    named = tuple(_find(config, noted))
    folders = tuple(
        replace(folder, path=Path(found.path))
        for folder, found in zip(config.folders, named, strict=True)
    )
    return Placed(config, replace(config, folders=folders), named, again)


def _find(config: Config, noted: Mapping[str, str]) -> Iterator[Named]:
    for number, folder in enumerate(config.folders):
        given = as_it_stands(folder.path)
        path = real_path(folder.path)
        by_flag = config.sources[f"folders.{number}"] == "flag"
        yield Named(
            given,
            path if path is not None else noted.get(given, given),
            "command" if by_flag else "config",
            path is not None,
        )


def owner(config: Config) -> str:
    """The configuration file that folders are forgotten with; empty where it says nothing."""
    file = str(config.file or "")
    return file if file in config.sources.values() else ""
