"""What is found of one thing, and what helps. Pure."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from prismd.errors import PrismdError

Level = Literal["ok", "note", "problem"]


class Verdict(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        what: Its name.
        level: ``note`` is what prismd does without, or will meet sooner or later; a ``problem``
            keeps it from working as it is set up.
        detail: What was found.
        remedy: What helps; empty when nothing is amiss, or nothing is known to help.
    """

    what: str
    level: Level
    detail: str
    remedy: str = ""


def ok(what: str, detail: str) -> Verdict:
    """All is well."""
    return Verdict(what, "ok", detail)


def note(what: str, detail: str, remedy: str = "") -> Verdict:
    """Something to know of."""
    return Verdict(what, "note", detail, remedy)


def problem(what: str, detail: str, remedy: str = "") -> Verdict:
    """Something that has to be mended."""
    return Verdict(what, "problem", detail, remedy)


def problem_of(what: str, error: PrismdError) -> Verdict:
    """What an error of ours says, taken apart."""
    cause, semicolon, remedy = str(error).rpartition("; ")
    return problem(what, cause, remedy) if semicolon else problem(what, remedy)


def for_programs(group: str, verdict: Verdict) -> dict[str, Any]:
    """A verdict as ``--json`` prints it; names are only ever added."""
    return {
        "group": group,
        "what": verdict.what,
        "level": verdict.level,
        "well": verdict.level != "problem",
        "detail": verdict.detail,
        "remedy": verdict.remedy,
    }
