from __future__ import annotations

from typing import Any

import pytest

from prismd.errors import RequestError
from prismd.models.base import Sampling, Tool
from prismd.models.fake_calls import calls_of, instance_of

RING = Tool("ring", "", {"properties": {"times": {"type": "integer"}}, "required": ["times"]})
FEED = Tool("feed")


def test_lines_that_ask_for_it_are_calls_and_the_rest_is_said() -> None:
    said, calls = calls_of('One\ncall ring {"times": 2}\nTwo', Sampling(tools=(RING, FEED)))
    assert said.split() == ["One", "Two"]
    assert [(call.name, call.arguments) for call in calls] == [("ring", '{"times": 2}')]


@pytest.mark.parametrize(
    "sampling",
    [Sampling(), Sampling(tools=(RING,), tool_choice="none"), Sampling(tools=(FEED,))],
)
def test_without_the_tool_the_line_is_text(sampling: Sampling) -> None:
    assert calls_of("call ring {}", sampling) == ("call ring {}", ())


def test_a_call_that_is_required_is_made_up() -> None:
    said, [call] = calls_of("hello", Sampling(tools=(FEED, RING), tool_choice="required"))
    assert (said, call.name, call.arguments) == ("", "feed", "{}")
    sampling = Sampling(tools=(FEED, RING), tool_choice="required", tool_name="ring")
    assert calls_of("hello", sampling)[1][0].arguments == '{"times": 0}'


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object"}, {}),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 3}, 3),
        ({"type": ["null", "string"]}, None),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, False),
        ({"type": "array", "items": {"type": "number"}, "minItems": 2}, [0, 0]),
        ({"type": "integer", "minimum": 5}, 5),
        (
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "required": ["x"]}}},
            {"x": None},
        ),
    ],
)
def test_the_least_value_of_a_schema(schema: dict[str, Any], value: object) -> None:
    assert instance_of(schema) == value


@pytest.mark.parametrize(
    "schema",
    [{"type": []}, {"type": {}}, {"$ref": "#"}, {"$ref": 3}, {"anyOf": 1}, {"required": 1}],
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="cannot be followed"):
        instance_of(schema)
