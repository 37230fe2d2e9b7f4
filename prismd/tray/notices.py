"""What is told without being asked: what needs the person, and each thing once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from prismd.wording import counted

_NEEDED_ROLE = "embedding"
"""The others have a stand-in that is good enough; without this one only words are found."""
_CONFIGURATION = "configuration"
_MODEL = "model"


class Told(Struct, frozen=True):
    """What was told already, without a name of anything: it outlives the process.

    Attributes:
        troubles: Parts that are in trouble, and roles whose model is missing.
        quarantined: How many files were in quarantine when that was told last.
    """

    troubles: frozenset[str] = frozenset()
    quarantined: int = 0


def news(status: Mapping[str, Any], told: Told) -> tuple[tuple[str, ...], Told]:
    """What is to be told now.

    Args:
        status: As ``GET /status`` gives it.
        told: What was told before.

    Returns:
        Notices, fit to show, and what has been told once they are. What is over may be told
        again should it come back.
    """
    troubles = dict(_troubles(status))
    quarantined = int(status["files"]["quarantined"])
    notices = [text for part, text in troubles.items() if part not in told.troubles]
    more = quarantined - told.quarantined
    if more > 0:
        notices.append(
            f"{counted(more, 'file')} could not be read, after several tries; the tray's menu"
            " shows which, and why"
        )
    return tuple(dict.fromkeys(notices)), Told(frozenset(troubles), quarantined)


def _troubles(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for fault in status["faults"]:
        yield fault["part"], fault["message"]
    if status["config_fault"]:
        yield _CONFIGURATION, status["config_fault"]
    model = status["models"].get(_NEEDED_ROLE)
    if model is not None and model["state"] in ("missing", "error"):
        detail = f"; {model['detail']}" if model["detail"] else ""
        # The detail of one that is missing says by itself what that means.
        lead = "" if model["state"] == "missing" else "only words are found: "
        yield _MODEL, f"{lead}{model['name']} is {model['state']}{detail}"
