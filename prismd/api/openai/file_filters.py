"""Filters on the attributes of files as OpenAI writes them, to those of the domain. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from prismd.domain import AttributeValue, Combination, Comparison, Condition
from prismd.errors import RequestError

_MAX_DEPTH = 8
_MAX_COMPARISONS = 100
_MAX_VALUES = 1_000
_MAX_CHARS = 4_096

Text = Annotated[str, Meta(max_length=_MAX_CHARS)]


class AttributeFilter(Struct, frozen=True, omit_defaults=True):
    """A comparison (``key``, ``value``), or with ``and`` or ``or`` several filters together.

    Files have ``file_id``, ``filename``, ``path``, ``folder`` (the path of the one that it lies
    in, or ``uploads``), ``type`` (document, image, audio, text), ``media_type``, ``language``,
    ``title``, ``sha256``, ``size_bytes``, and ``modified_at`` and ``indexed_at`` in seconds since
    the epoch, to be held against numbers or ISO dates. What a file does not have is equal to
    nothing.
    """

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "and", "or"]
    key: Text | None = None
    value: Text | float | bool | list[Text | float | bool] | None = None
    filters: list[AttributeFilter] | None = None


def condition_of(given: AttributeFilter | None, param: str = "filters") -> Condition | None:
    """The condition that a filter stands for; None for none.

    Args:
        given: As it came.
        param: Name of the field that held it, for errors.

    Raises:
        RequestError: Something is missing or of the wrong sort, or there is too much of it.
    """
    if given is None:
        return None
    condition = _condition(given, param, 1)
    values = [len(comparison.values) for comparison in _comparisons(condition)]
    if len(values) > _MAX_COMPARISONS or sum(values) > _MAX_VALUES:
        raise _refused(
            param,
            f"{len(values)} comparisons with {sum(values)} values are too many; send"
            f" {_MAX_COMPARISONS} with {_MAX_VALUES} at most",
        )
    return condition


def _condition(given: AttributeFilter, param: str, depth: int) -> Condition:
    match given.type:
        case "and" | "or" as joined:
            if not given.filters:
                raise _refused(f"{param}.filters", f"{joined!r} needs at least one filter")
            if depth == _MAX_DEPTH:
                raise _refused(param, f"filters may stand {_MAX_DEPTH} within each other, no more")
            parts = tuple(
                _condition(part, f"{param}.filters[{number}]", depth + 1)
                for number, part in enumerate(given.filters)
            )
            return Combination(joined, parts)
        case operator:
            return Comparison(given.key or "", operator, _values(given, param))


def _values(given: AttributeFilter, param: str) -> tuple[AttributeValue, ...]:
    if not given.key:
        raise _refused(f"{param}.key", "name the attribute to compare, such as 'type'")
    takes_list = given.type in ("in", "nin")
    if given.value is None or isinstance(given.value, list) != takes_list:
        wanted = "a list of texts or numbers" if takes_list else "one text, number or boolean"
        raise _refused(f"{param}.value", f"{given.type!r} takes {wanted}")
    return tuple(given.value) if isinstance(given.value, list) else (given.value,)


def _comparisons(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
        return
    for part in condition.parts:
        yield from _comparisons(part)


def _refused(param: str, message: str) -> RequestError:
    return RequestError(f"{param}: {message}", param=param, code="invalid_filter")
