"""What of a folder is looked at: patterns, as in ``.gitignore``. Pure."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pathspec

from prismd.domain import DocumentType
from prismd.extract.naming import kind_of

IGNORE_FILE = b".prismignore"
JUNK = (
    *(".git/", ".hg/", ".svn/", ".cache/", ".venv/", ".tox/", ".mypy_cache/"),
    *("node_modules/", "bower_components/", "__pycache__/", "site-packages/"),
    *(".Trash*/", "$RECYCLE.BIN/", "System Volume Information/", "lost+found/"),
    *(".DS_Store", "Thumbs.db", "desktop.ini", "*.pyc"),
    # What editors and office programs keep beside a file that is open.
    *("~$*", ".~lock.*#", "*~", "*.swp", "*.swx", "*.tmp", "*.kate-swp", "#*#"),
    # Downloads that are not there yet.
    *("*.part", "*.partial", "*.crdownload", "*.download", "*.opdownload", "*.filepart"),
)


class Rules(msgspec.Struct, frozen=True):
    """What of a root is looked at.

    ``include``, when not empty, names the only files taken. ``never`` are absolute paths that
    are left out whatever the patterns say (prismd's own data directory). ``kinds``, when not
    empty, are the only ones taken, as far as names tell. ``poll`` is whether to look for changes
    even where they are told.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    junk: bool = True
    never: tuple[str, ...] = ()
    kinds: tuple[DocumentType, ...] = ()
    poll: bool = False


class _Level(NamedTuple):
    """Patterns that count below a folder, which is relative to the root."""

    folder: bytes
    spec: pathspec.GitIgnoreSpec


class Scope(NamedTuple):
    """The patterns that count in one folder, the outermost first.

    ``key`` differs where any pattern differs, or counts from another folder on.
    """

    levels: tuple[_Level, ...]
    key: int


def ignore_lines(content: bytes) -> tuple[list[str], list[str]]:
    """The patterns of an ignore file, and those of its lines that are none.

    One bad line does not undo the others. Names are spelled as ``os.fsdecode`` has them.
    """
    text = os.fsdecode(content.removeprefix(codecs.BOM_UTF8)).replace("\r\n", "\n")
    usable: list[str] = []
    unusable: list[str] = []
    for line in text.split("\n"):
        (usable if _is_pattern(line) else unusable).append(line)
    return usable, unusable


def _is_pattern(line: str) -> bool:
    try:
        pathspec.GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):  # such as ranges the wrong way round
        return False
    return True


class Patterns:
    """The rules of one root, ready to be asked.

    Args:
        root: The root's path.
        rules: What they say.
    """

    def __init__(self, root: str, rules: Rules) -> None:
        self.rules = rules
        self._root = os.fsencode(root).rstrip(b"/")
        self._hidden = rules.hidden
        self._include = pathspec.GitIgnoreSpec.from_lines(rules.include) if rules.include else None
        self._never = frozenset(os.fsencode(path) for path in rules.never)
        exclude = (*(JUNK if rules.junk else ()), *rules.exclude)
        spec = pathspec.GitIgnoreSpec.from_lines(exclude)
        self.outermost = Scope((_Level(b"", spec),), hash(msgspec.json.encode(rules)))

    def below(self, scope: Scope, folder: bytes, lines: Sequence[str]) -> Scope:
        """The patterns that count in a folder with an ignore file of its own.

        Args:
            scope: Those of the folder around it.
            folder: Its absolute path.
            lines: The patterns of its ignore file, as ``ignore_lines`` gives them.
        """
        level = _Level(self._relative(folder), pathspec.GitIgnoreSpec.from_lines(lines))
        return Scope((*scope.levels, level), hash((scope.key, level.folder, *lines)))

    def takes_file(self, scope: Scope, path: bytes) -> bool:
        """Whether a file is looked at, its folder being looked at."""
        if not self._takes(scope, path, ""):
            return False
        relative, kinds = os.fsdecode(self._relative(path)), self.rules.kinds
        return (self._include is None or self._include.match_file(relative)) and (
            not kinds or kind_of(relative) in kinds
        )

    def takes_folder(self, scope: Scope, path: bytes) -> bool:
        """Whether a folder is looked into, the one around it being looked at."""
        return self._takes(scope, path, "/")

    def _takes(self, scope: Scope, path: bytes, end: str) -> bool:
        relative = self._relative(path)
        if path in self._never:
            return False
        if not self._hidden and relative[relative.rfind(b"/") + 1 :].startswith(b"."):
            return False
        # As with .gitignore, the file nearest to it that says anything of it decides.
        for folder, spec in reversed(scope.levels):
            inner = os.fsdecode(relative[len(folder) :].lstrip(b"/"))
            excluded = spec.check_file(inner + end).include
            if excluded is not None:
                return not excluded
        return True

    def _relative(self, path: bytes) -> bytes:
        return path[len(self._root) + 1 :]
