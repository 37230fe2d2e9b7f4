"""Lists as OpenAI gives them, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from prismd.errors import RequestError

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

Order = Literal["asc", "desc"]


class HasId(Protocol):
    """What can stand in a list."""

    @property
    def id(self) -> str:
        """By which it is found again."""


T = TypeVar("T", bound=HasId)


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """Some of a list, in its order."""

    data: tuple[T, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


def page(items: Sequence[T], *, has_more: bool) -> Page[T]:
    """A page of these items."""
    return Page(
        data=tuple(items),
        first_id=items[0].id if items else None,
        last_id=items[-1].id if items else None,
        has_more=has_more,
    )


def page_within(items: Sequence[T], limit: int, after: str, before: str) -> Page[T]:
    """The page of a whole list that comes after an item, or before one.

    Raises:
        RequestError: There is no such item.
    """
    start, end = 0, len(items)
    ids = [item.id for item in items]
    if after:
        start = _place(ids, after, "after") + 1
    if before:
        end = _place(ids, before, "before")
    found = items[start:end]
    if before and not after:
        return page(found[max(0, len(found) - limit) :], has_more=len(found) > limit)
    return page(found[:limit], has_more=len(found) > limit)


def _place(ids: list[str], wanted: str, param: str) -> int:
    if wanted not in ids:
        raise no_place(param)
    return ids.index(wanted)


def no_place(param: str) -> RequestError:
    """The error of a cursor that is none."""
    return RequestError(
        f"{param}: is no place in the list; give an id of the page that you have",
        param=param,
        code="invalid_request",
    )
