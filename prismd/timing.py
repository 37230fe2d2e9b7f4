"""Durations for people."""

from __future__ import annotations

_MINUTE_S = 60
_HOUR_S = 3_600
_SURE_SHARE = 0.02


def time_left(share: float, elapsed_s: float) -> str:
    """How long the rest takes if it goes on as so far; empty as long as that is a guess."""
    if share < _SURE_SHARE or share >= 1.0:
        return ""
    return f"{duration(elapsed_s * (1 - share) / share)} left"


def duration(seconds: float) -> str:
    """A duration in the two largest units that matter."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f} min {seconds % _MINUTE_S:.0f} s"
    return f"{seconds // _HOUR_S:.0f} h {seconds % _HOUR_S // _MINUTE_S:.0f} min"
