"""Dates as people write them, as the numbers that files have. Pure."""

from __future__ import annotations

from datetime import datetime, time

from prismd.errors import RequestError

_MAX_NS = 2**63 - 1
_MIDDLE_YEAR = 1970


def nanoseconds(date: str, field: str) -> int:
    """An ISO date, or a moment of one, in nanoseconds since the epoch; local without a zone.

    Args:
        date: As it came.
        field: What it was given for.

    Raises:
        RequestError: It is not one; names the field.
    """
    try:
        moment = datetime.fromisoformat(date)
    except ValueError as error:
        raise RequestError(
            f"{field}: {date!r} is not a date; write it as 2024-01-31", param=field
        ) from error
    if "T" not in date and " " not in date:
        moment = datetime.combine(moment.date(), time())
    try:
        found = int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
    except (OverflowError, ValueError):  # at the ends of the calendar, for want of a time zone
        found = _MAX_NS if moment.year > _MIDDLE_YEAR else -_MAX_NS
    return min(max(found, -_MAX_NS), _MAX_NS)
