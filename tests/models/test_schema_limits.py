from __future__ import annotations

from typing import Any

import pytest

from prismd.errors import RequestError
from prismd.models.base import Sampling, Tool
from prismd.models.schema_limits import check_limits


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


HOSTILE = {
    "levels deep": nested(20_000),
    "KiB, more than": {"enum": [f"value {number}" for number in range(20_000)]},
    "multipleOf": {"type": "integer", "multipleOf": 999_983},
    "multipleOf: more": {"type": "object", "properties": {
        f"p{number}": {"type": "number", "multipleOf": 0.997} for number in range(10)
    }},
}  # fmt: skip


@pytest.mark.parametrize(("said", "schema"), HOSTILE.items())
def test_what_would_take_without_end_is_refused(said: str, schema: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        check_limits(Sampling(response_schema=schema))
    assert caught.value.param == "response_format.json_schema.schema"
    with pytest.raises(RequestError, match=said) as caught:
        check_limits(Sampling(tools=(Tool("a"), Tool("b", "", schema))))
    assert caught.value.param == "tools[1].function.parameters"
    assert caught.value.code == "invalid_schema"


def test_tools_without_end_are_refused() -> None:
    with pytest.raises(RequestError, match="129 are too many"):
        check_limits(Sampling(tools=tuple(Tool(f"t{number}") for number in range(129))))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        nested(40),
        {"type": "number", "multipleOf": 0.01},
        {"enum": ["a"]},
        {"multipleOf": True},
    ],
)
def test_schemas_as_people_write_them_pass(schema: dict[str, Any]) -> None:
    check_limits(Sampling(response_schema=schema, tools=(Tool("t", "", schema),)))


def test_a_step_of_many_places_counts_as_large() -> None:
    with pytest.raises(RequestError, match="multipleOf"):
        check_limits(Sampling(response_schema={"type": "number", "multipleOf": 1e-300}))
