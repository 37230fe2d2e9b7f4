"""What the log of an encrypted index says: nobody's words, and no name of a file or folder.

A log is a file too, or becomes one. What is logged says itself what of it is prismd's own:
numbers are, and what is given as ``Told``; of an error it is the kind. All else is left out, and so
is whatever other libraries log. Without encryption everything is written as it is.
"""

from __future__ import annotations

import copy
import logging
import os
import traceback
from types import TracebackType
from typing import TYPE_CHECKING

from prismd.errors import ExtractError, PrismdError

if TYPE_CHECKING:
    from logging import _SysExcInfoType

_LEFT_OUT = "…"
_OWN = "prismd"


class Told:
    """An argument of a log line of which something may be said in any case.

    Args:
        said: What is written as a rule.
        discreetly: What is written of an encrypted index.
    """

    __slots__ = ("discreetly", "said")

    def __init__(self, said: object, discreetly: str) -> None:
        self.said = said
        self.discreetly = discreetly

    def __str__(self) -> str:
        return str(self.said)


def own(words: str) -> Told:
    """Words of prismd's own, with nothing in them of what is read or asked."""
    return Told(words, words)


def folder(path: str, id_: int) -> Told:
    """A watched folder, by its path or its number."""
    return Told(path, f"folder {id_}")


def file(said: object, id_: int) -> Told:
    """What there is to say of a file, or only its number and the kind of an error."""
    kind = f": {briefly(said)}" if isinstance(said, BaseException) else ""
    return Told(said, f"file {id_}{kind}")


class Discreet(logging.Formatter):
    """Writes what may be written of an encrypted index."""

    def format(self, record: logging.LogRecord) -> str:
        """A line, and the course of an error without its words; see ``logging.Formatter``."""
        shown = copy.copy(record)
        shown.exc_text = shown.stack_info = None
        if record.name.partition(".")[0] != _OWN:
            shown.msg, shown.args = f"{record.name}: {_LEFT_OUT}", ()
        elif isinstance(record.args, tuple):
            shown.args = tuple(_rendered(argument) for argument in record.args)
        else:
            shown.msg, shown.args = _LEFT_OUT, ()
        return super().format(shown)

    def formatException(self, ei: _SysExcInfoType) -> str:
        """Where an error came up, and of what kind it and its causes are."""
        return "\n".join(_course(ei[1], ei[2]))


def _course(error: BaseException | None, trace: TracebackType | None) -> list[str]:
    lines = [] if error is None or error.__cause__ is None else _course_of(error.__cause__)
    places = [line.rstrip() for line in traceback.format_tb(trace)]
    return [*lines, *places, type(error).__name__]


def _course_of(error: BaseException) -> list[str]:
    return [*_course(error, error.__traceback__), "which led to:"]


def _rendered(argument: object) -> object:
    if isinstance(argument, Told):
        return argument.discreetly
    if isinstance(argument, bool | int | float):
        return argument
    return briefly(argument) if isinstance(argument, BaseException) else _LEFT_OUT


def briefly(error: BaseException) -> str:
    """What may be said of an error in any case: its kind, and what is no word of a file."""
    kind = type(error).__name__
    if isinstance(error, ExtractError):
        return f"{kind} ({error.code})"
    if isinstance(error, PrismdError) and error.discreetly:
        return f"{kind} ({error.discreetly})"
    if isinstance(error, OSError) and error.errno:
        return f"{kind} ({os.strerror(error.errno)})"
    return f"{kind} ({type(error.__cause__).__name__})" if error.__cause__ else kind
