"""How large a JSON schema, or a list of tools, may be that a model is to keep to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from prismd.errors import RequestError
from prismd.models.base import Sampling

_MAX_BYTES = 64 << 10
_MAX_DEPTH = 100
# To follow one, every remainder is a state: of a million they take half a minute to find.
_MAX_MULTIPLES = 2_000
_MAX_TOOLS = 128
_MAX_PLACES = 20
RESPONSE_PARAM = "response_format.json_schema.schema"
"""The parameter that errors of an answer's schema name."""


def tool_param(number: int) -> str:
    """The parameter that errors of a tool's schema name."""
    return f"tools[{number}].function.parameters"


def unusable(param: str, cause: str) -> RequestError:
    """The error of a schema that no model can be held to."""
    return RequestError(f"{param}: {cause}", param=param, code="invalid_schema")


def check_limits(sampling: Sampling) -> None:
    """Refuse schemas which would take unbounded time or memory to follow.

    Raises:
        RequestError: A schema is too large or too deep, or the tools are too many.
    """
    if sampling.response_schema is not None:
        _check(sampling.response_schema, RESPONSE_PARAM)
    if len(sampling.tools) > _MAX_TOOLS:
        raise unusable("tools", f"{len(sampling.tools)} are too many; give {_MAX_TOOLS} at most")
    for number, tool in enumerate(sampling.tools):
        _check(tool.parameters, tool_param(number))


def _check(schema: dict[str, Any], param: str) -> None:
    # The depth comes first: what measures the bytes goes down by recursion.
    if _deeper_than(schema, _MAX_DEPTH):
        raise unusable(
            param, f"the schema is more than {_MAX_DEPTH} levels deep; name its parts in $defs"
        )
    size_bytes = len(msgspec.json.encode(schema))
    if size_bytes > _MAX_BYTES:
        raise unusable(
            param,
            f"the schema has {size_bytes >> 10} KiB, more than {_MAX_BYTES >> 10}; simplify it",
        )

    if sum(_digits(step) for step in _multiples(schema)) > _MAX_MULTIPLES:
        raise unusable(param, f"multipleOf: more than {_MAX_MULTIPLES} in all; leave it out")


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _multiples(value: Any) -> Iterator[float]:
    step = value.get("multipleOf") if isinstance(value, dict) else None
    if isinstance(step, int | float) and not isinstance(step, bool):
        yield step
    for child in _children(value):
        yield from _multiples(child)


def _digits(number: float) -> int:
    """A number without its decimal point; one with many zeros behind that counts as large."""
    exact = Decimal(str(number)).normalize().as_tuple()
    if isinstance(exact.exponent, int) and -exact.exponent > _MAX_PLACES:
        return _MAX_MULTIPLES + 1
    return int("".join(map(str, exact.digits)))
