"""Opening PDFs, whatever their names; in a worker process only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf as _pymupdf

pymupdf: Any = _pymupdf  # It is typed in part only.


def opened(path: Path) -> Any:
    """A file as a PDF, to be closed by the caller.

    Raises:
        OSError: It cannot be read.
        RuntimeError: MuPDF cannot open it; or any other of ``about.ERRORS``.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        # MuPDF takes names in UTF-8 only; a file system takes any bytes.
        return pymupdf.open(stream=path.read_bytes(), filetype="pdf")
    return pymupdf.open(path, filetype="pdf")
