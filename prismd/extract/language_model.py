"""The model that tells languages, unpacked once for all workers, who map it into memory.

It comes packed (LZMA): unpacking takes half a second of the processor and 70 MB of memory, in
every worker anew. Mapped, it is there at once, and its pages are shared.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PREFIX = "language-model-"
_FORMAT = 1
_ARRAYS = ("nb_ptc", "nb_pc", "nb_classes", "tk_nextmove", "tk_row", "tk_output")
"""What an identifier is made of, by the names of its attributes."""


def kept_at(folder: Path, packed: Path) -> Path:
    """Where the model lies unpacked; another one of the package lies elsewhere.

    Args:
        folder: What the workers share.
        packed: The model as the package has it.

    Raises:
        OSError: There is none.
    """
    about = packed.stat()
    return folder / f"{_PREFIX}{_FORMAT}-{about.st_size}-{about.st_mtime_ns}"


def mapped(kept: Path) -> Any | None:
    """The identifier by what was unpacked before; None where it was not, or not as a whole."""
    from py3langid.langid import LanguageIdentifier

    try:
        arrays = {name: np.load(kept / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        return LanguageIdentifier(
            arrays["nb_ptc"],
            np.array(arrays["nb_pc"]),
            arrays["nb_classes"].tolist(),
            # An element of an array of numpy's would be an object of numpy's, ten times as slow.
            memoryview(arrays["tk_nextmove"]),
            arrays["tk_output"].tolist(),
            norm_probs=True,
            tk_row=arrays["tk_row"].tolist(),
        )
    except (OSError, ValueError, EOFError, TypeError):
        return None


def keep(identifier: Any, kept: Path, scratch: Path) -> None:
    """Put a model down for those that come later; nothing is lost where that cannot be.

    Args:
        identifier: The model, unpacked.
        kept: Where it is to lie. It appears there as a whole.
        scratch: A folder of this process's own on the same disk.
    """
    made = scratch / kept.name
    with contextlib.suppress(OSError, AttributeError, ValueError):
        try:
            made.mkdir(mode=0o700)
            for name in _ARRAYS:
                _write(made / f"{name}.npy", np.asarray(getattr(identifier, name)))
            for former in kept.parent.glob(f"{_PREFIX}*"):  # of another version, or damaged
                shutil.rmtree(former, ignore_errors=True)
            made.rename(kept)  # another worker may have been sooner; then this one is not needed
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _write(path: Path, array: NDArray[Any]) -> None:
    with path.open("xb") as file:
        np.save(file, array, allow_pickle=False)
        # A slip of another worker is not to change what all of them go by. It is no wall: they
        # run with the rights of the user, as everything of prismd does.
        os.fchmod(file.fileno(), 0o400)
        file.flush()
        # Else a loss of power could leave a name with nothing behind it.
        os.fsync(file.fileno())
