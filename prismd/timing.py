"""Durations for people, and moments for programs."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE_S = 60
_HOUR_S = 3_600
_MINUTES = 60


def duration(seconds: float) -> str:
    """A duration in the two largest units that matter."""
    if round(seconds * 1000) < 1000:
        return f"{seconds * 1000:.0f} ms"
    # Rounded first: there is no minute of 60 seconds.
    whole_s = round(seconds)
    if whole_s < _MINUTE_S:
        return f"{whole_s} s"
    if whole_s < _HOUR_S:
        return f"{whole_s // _MINUTE_S} min {whole_s % _MINUTE_S} s"
    whole_min = round(seconds / _MINUTE_S)
    return f"{whole_min // _MINUTES} h {whole_min % _MINUTES} min"


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
