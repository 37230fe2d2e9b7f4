from __future__ import annotations

import contextlib
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prismd.api.mcp.arguments import (
    FilesArguments,
    PassageArguments,
    SearchArguments,
    StatusArguments,
    arguments,
)
from prismd.api.mcp.schemas import schema_of
from prismd.api.mcp.tools import TOOLS
from prismd.errors import RequestError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = sorted({name for tool in TOOLS for name in tool.takes.__struct_fields__})


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_schemas_are_valid_and_in_one_piece(tool: Any) -> None:
    for type_ in (tool.takes, tool.gives):
        schema = schema_of(type_)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert "$ref" not in str(schema)
        assert "$defs" not in schema


def test_every_argument_is_described_for_the_agent() -> None:
    for tool in TOOLS:
        for name, schema in schema_of(tool.takes)["properties"].items():
            assert len(schema["description"]) > 20, (tool.name, name)


def test_what_is_needed_stands_first() -> None:
    assert next(iter(schema_of(SearchArguments)["properties"])) == "query"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"query": "tax"}, SearchArguments(query="tax")),
        ({"query": "tax", "limit": None, "type": None}, SearchArguments(query="tax")),
        ({"query": "tax", "limit": "3"}, SearchArguments(query="tax", limit=3)),
        ({"query": "tax", "type": "text"}, SearchArguments(query="tax", type=["text"])),
        ({"query": "tax", "folder": ["a", "b"]}, SearchArguments(query="tax", folder=["a", "b"])),
    ],
)
def test_arguments_are_taken_as_models_write_them(
    given_: dict[str, Any], expected: SearchArguments
) -> None:
    assert arguments(given_, SearchArguments) == expected


@pytest.mark.parametrize(
    ("type_", "given_", "told"),
    [
        (SearchArguments, None, "query: is missing"),
        (SearchArguments, {}, "query: is missing"),
        (SearchArguments, {"query": ""}, "query: "),
        (SearchArguments, {"query": ["a"]}, "query: "),
        (SearchArguments, {"query": "a", "limit": 0}, "limit: "),
        (SearchArguments, {"query": "a", "limit": 51}, "<= 50"),
        (SearchArguments, {"query": "a", "type": "film"}, "audio, document, image, text"),
        (SearchArguments, {"query": "a", "colour": 1}, "colour: is not an argument"),
        (PassageArguments, {"id": "chunk-1", "max_chars": 10**9}, "max_chars: "),
        (FilesArguments, {"state": ["done"]}, "completed"),
        (StatusArguments, {"all": True}, "allowed are: none"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(
    type_: Any, given_: dict[str, Any] | None, told: str
) -> None:
    with pytest.raises(RequestError) as raised:
        arguments(given_, type_)
    assert told in str(raised.value)
    assert len(str(raised.value)) < 300


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([tool.takes for tool in TOOLS]),
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), ANYTHING),
)
def test_whatever_comes_is_taken_or_refused_in_words(type_: Any, given_: dict[str, Any]) -> None:
    with contextlib.suppress(RequestError):
        assert isinstance(arguments(given_, type_), type_)
