"""Values of spreadsheet cells as people see them. Pure.

Dates are written as ISO 8601 has them, whatever order of day and month a sheet shows: they are
to be found and understood, and "03/04" is not. Numbers keep their per cent, currency, decimals
and leading zeros.
"""

from __future__ import annotations

import datetime
import math
import re
from functools import lru_cache

import msgspec

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<blank>_.|\*.)|\[\$(?P<currency>[^-\]]*)[^\]]*\]'
    r"|\[[^\]]*\]|(?P<number>[0#?][0#?,.]*|\.[0#?]+)|(?P<power>E[+-]0+)|(?P<other>.)",
    re.DOTALL,
)
_GENERAL = re.compile(r"general|standard|@|^\s*$", re.IGNORECASE)
_MOST_DECIMALS = 15
# Excel itself takes no longer ones.
_LONGEST_FORMAT = 255


class _Format(msgspec.Struct, frozen=True):
    """One section of a number format."""

    prefix: str
    suffix: str
    decimals: int
    least_digits: int
    thousands: bool
    percent: bool
    divisor: int


def shown(value: object, number_format: str = "General") -> str:
    """A cell's value as text.

    Args:
        value: None, text, a truth value, a number, or one of ``datetime``'s types.
        number_format: As spreadsheets write it, such as ``#,##0.00 "€"``.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, number_format)
    return _moment(value)


def _moment(value: object) -> str:
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time():
            return value.date().isoformat()
        return f"{value.date().isoformat()} {_clock(value.time())}"
    if isinstance(value, datetime.time):
        return _clock(value)
    if isinstance(value, datetime.timedelta):
        seconds = round(value.total_seconds())
        sign = "-" if seconds < 0 else ""
        minutes, second = divmod(abs(seconds), 60)
        return f"{sign}{minutes // 60}:{minutes % 60:02}:{second:02}"
    return str(value)


def _clock(time: datetime.time) -> str:
    return time.isoformat("seconds" if time.second else "minutes")


def _number(value: float, number_format: str) -> str:
    if not math.isfinite(value):
        return str(value)
    if len(number_format) > _LONGEST_FORMAT or _GENERAL.search(number_format):
        return general(value)
    sections = _sections(number_format)
    signed = value
    section = sections[0]
    if value < 0 and len(sections) > 1:
        section, signed = sections[1], -value
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    made = _section(section)
    return _written(signed, made) if made else general(value)


def general(value: float) -> str:
    """A number without a format: what it is, without the noise of binary fractions."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return f"{value:.15g}"


def _written(value: float, made: _Format) -> str:
    scaled = value * 100 if made.percent else value / made.divisor
    if made.decimals == 0 and made.least_digits == 0 and scaled == 0:
        digits = ""
    else:
        digits = f"{abs(scaled):{',' if made.thousands else ''}.{made.decimals}f}"
    whole, dot, fraction = digits.partition(".")
    sign = "-" if scaled < 0 and digits.strip("0.,") else ""
    return (
        f"{sign}{made.prefix}{whole.rjust(made.least_digits, '0')}{dot}{fraction}{made.suffix}"
    ).strip()


@lru_cache(maxsize=512)
def _sections(number_format: str) -> tuple[str, ...]:
    """The sections for positive, negative and zero; semicolons in quotes part nothing."""
    parts = re.findall(r'(?:"[^"]*"|\\.|[^;"\\])+|(?<=;)(?=;|$)', number_format, re.DOTALL)
    if any(re.search(r"\[[<>=]", part) for part in parts):
        return (parts[0],)
    return tuple(parts) or (number_format,)


@lru_cache(maxsize=512)
def _section(section: str) -> _Format | None:
    """Understand a section; None when it is of a kind that is not followed here."""
    literal = ["", ""]
    number = ""
    percent = False
    for token in _TOKEN.finditer(section):
        kind = token.lastgroup
        if kind == "number":
            if number:
                return None
            number = token["number"]
        elif kind == "power" or (kind == "other" and token["other"] in "/@"):
            return None
        elif kind == "blank":
            literal[bool(number)] += " " if token["blank"][0] == "_" else ""
        elif kind is not None:
            percent = percent or token[0] == "%"
            literal[bool(number)] += token[kind]
    if not number:
        # All there is to be seen is the literal, such as a dash for nothing.
        return None
    whole, _, fraction = number.partition(".")
    scale = len(number) - len(number.rstrip(","))
    decimals = min(sum(fraction.count(sign) for sign in "0#?"), _MOST_DECIMALS)
    return _Format(
        prefix=literal[0].lstrip(),
        suffix=literal[1].rstrip(),
        decimals=decimals,
        least_digits=whole.count("0"),
        thousands="," in whole.rstrip(","),
        percent=percent,
        divisor=1000**scale,
    )
