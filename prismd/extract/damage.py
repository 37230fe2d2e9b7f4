"""What is said of a document that cannot be read. Pure."""

from __future__ import annotations

import re

from prismd.errors import ExtractError

_PLACE = re.compile(r" \(<string>, line \d+\)$")


def broken(cause: str) -> ExtractError:
    """The error of a document that cannot be read."""
    cause = _PLACE.sub("", " ".join(cause.split()))[:200].rstrip(".")
    return ExtractError(
        f"not a readable document ({cause}); open it in its program and save it anew to index it",
        code="broken",
    )
