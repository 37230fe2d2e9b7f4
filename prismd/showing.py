"""Pictures as evidence: which ones show what is asked, and what an answer says of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

from prismd.domain import Hit
from prismd.likeness import GOOD_ENOUGH
from prismd.wording import shown_name

LEAD = "Pictures that show this:"
_MOST = 3


def pictures(hits: Sequence[Hit]) -> list[Hit]:
    """The pictures among the hits that show what the query says, best first, a few at most."""
    shown = [
        hit
        for hit in hits
        if not hit.passage.text
        and hit.explanation.image_rank is not None
        and hit.similarity >= GOOD_ENOUGH
    ]
    return shown[:_MOST]


def describe(hit: Hit, metadata: Mapping[str, str]) -> str:
    """A picture in a line: its name, its folder, and when and where it was taken.

    Args:
        hit: The picture as such.
        metadata: What its file says of itself, as the extractor of images has it.
    """
    told = [hit.title, _date(metadata.get("taken_at", "")), metadata.get("place", "")]
    told.append(metadata.get("camera", ""))
    folder = PurePath(hit.path).parent.name
    where = f" in {shown_name(folder)}" if folder else ""
    details = ", ".join(" ".join(item.split()) for item in told if item)
    return f"{shown_name(hit.path)}{where}" + (f" ({details})" if details else "")


def _date(iso: str) -> str:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    return f"{moment.day} {moment:%B %Y}"
