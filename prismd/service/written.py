"""Files that prismd wrote for a service manager, and whether they are still as it wrote them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from prismd.errors import PrismdError

State = Literal["absent", "ours", "edited", "foreign"]
_SEAL = re.compile(
    r"^(?:# |<!-- )Written by 'prismd service install'; the rest: (\w+)(?: -->)?\n", re.MULTILINE
)
_SAVED = ".before"


def sealed(text: str) -> str:
    """A text with a line that tells later whether the rest was changed.

    Args:
        text: A unit, or a property list, whose first line must stay the first.
    """
    told = f"Written by 'prismd service install'; the rest: {_checksum(text)}"
    if text.startswith("<?xml"):
        first, _, rest = text.partition("\n")
        return f"{first}\n<!-- {told} -->\n{rest}"
    return f"# {told}\n{text}"


def state_of(path: Path) -> State:
    """Whether a file is there, and whose it is."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "absent"
    except UnicodeDecodeError:
        return "foreign"
    if (seal := _SEAL.search(text)) is None:
        return "foreign"
    rest = text[: seal.start()] + text[seal.end() :]
    return "ours" if seal[1] == _checksum(rest) else "edited"


def need_ours(paths: Iterable[Path], what: str) -> None:
    """Refuse to touch what somebody else wrote, or changed.

    Args:
        paths: The files.
        what: Would be done to them, as a message ends.

    Raises:
        PrismdError: One of them is not as prismd wrote it.
    """
    for path in paths:
        state = state_of(path)
        if state in ("edited", "foreign"):
            why = "was changed by hand" if state == "edited" else "was not written by prismd"
            raise PrismdError(
                f"{path}: {why}, and is not {what}; move your changes into a drop-in"
                " ('systemctl --user edit prismd') or the file away, or give --force"
            )


def write(path: Path, text: str) -> bool:
    """Write a file, sealed, in one step; what was somebody else's is kept beside it.

    Returns:
        Whether it is another than before.
    """
    if state_of(path) in ("edited", "foreign"):
        path.replace(path.with_name(path.name + _SAVED))
    content = sealed(text)
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(content, encoding="utf-8")
    part.replace(path)
    return True


def remove(path: Path) -> None:
    """Remove a file; what was somebody else's is kept beside its place."""
    if state_of(path) in ("edited", "foreign"):
        path.replace(path.with_name(path.name + _SAVED))
    else:
        path.unlink(missing_ok=True)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
