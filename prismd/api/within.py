"""Requests that prismd sends to its own API, and that therefore count as none."""

from __future__ import annotations

from collections.abc import Mapping

WITHIN = "prismd.within"
"""In the scope of a request that comes from this process; no header can put it there."""


def is_within(scope: Mapping[str, object]) -> bool:
    """Whether a request comes from this process: then it is part of one that was counted."""
    return WITHIN in scope
