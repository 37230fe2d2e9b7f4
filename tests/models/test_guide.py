"""Grammars of schemas: what they let through, byte by byte, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prismd.errors import RequestError
from prismd.models.base import Sampling, Tool
from prismd.models.guide import answer_grammar, call_grammar, check

pytestmark = pytest.mark.llama

STRICT = {"type": "object", "additionalProperties": False}
PERSON: dict[str, Any] = {
    **STRICT,
    "$defs": {"Kind": {"enum": ["cat", "dog"], "title": "Kind", "type": "string"}},
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "pets": {"type": "array", "items": {"$ref": "#/$defs/Kind"}},
    },
    "required": ["name", "pets"],
}
TREE: dict[str, Any] = {
    "$defs": {
        "Node": {
            **STRICT,
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
            "required": ["next"],
        }
    },
    "$ref": "#/$defs/Node",
}
UNION = {"oneOf": [{"type": "integer"}, {"type": "string", "format": "date"}]}


def follows(grammar: str, text: str) -> bool:
    """Whether a grammar lets a text through, from its first byte to its last."""
    from llguidance import LLMatcher, LLTokenizer

    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(grammar), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    return all(matcher.consume_token(byte) for byte in text.encode()) and matcher.is_accepting()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (PERSON, {"name": "Ann", "pets": []}),
        (PERSON, {"name": "Ann", "age": 7, "pets": ["cat", "dog"]}),
        (PERSON, {"name": "Ann", "age": None, "pets": ["cat"]}),
        (TREE, {"next": {"next": {"next": None}}}),
        ({"type": "object"}, {"a": [1, {"b": None}], "é": '\n\t"\\ \u2028'}),
        (UNION, 7),
        (UNION, "2026-01-31"),
        ({"enum": ['a"b\\c\n', 3, None]}, 'a"b\\c\n'),
        ({"type": "string", "pattern": "^[a-z]{2,4}$"}, "abc"),
        ({"type": "integer", "minimum": 3, "maximum": 12}, 12),
        ({"type": "object", "x-guidance": {"whitespace_flexible": True}}, {"a": 1}),
    ],
)
def test_what_follows_a_schema_is_let_through(schema: dict[str, Any], value: object) -> None:
    check(Sampling(response_schema=schema))
    assert follows(answer_grammar(schema), json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (PERSON, '{"name": "Johannes", "pets": []}'),
        (PERSON, '{"name": "Ann"}'),
        (PERSON, '{"name": "Ann", "pets": ["cow"]}'),
        (PERSON, '{"name": "Ann", "pets": [], "more": 1}'),
        ({"type": "object"}, "[]"),
        ({"type": "object"}, '{"a": "one\ntwo"}'),
        ({"type": "object"}, '{"a": 007}'),
        ({"type": "object"}, '{  "a": 1}'),
        ({"type": "object"}, "{}\n"),
        ({"type": "object", "x-guidance": {"whitespace_flexible": True}}, '{   "a": 1}'),
        ({"type": "integer", "minimum": 3, "maximum": 12}, "13"),
    ],
)
def test_what_does_not_follow_it_is_not(schema: dict[str, Any], text: str) -> None:
    assert not follows(answer_grammar(schema), text)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "nonsense"}, "nonsense"),
        ({"type": 7}, "type"),
        ({"properties": []}, "properties"),
        ({"type": "string", "pattern": "(?=x)y"}, "look-around"),
        ({"type": "string", "pattern": "("}, "unclosed group"),
        ({"type": "string", "pattern": "(" * 20_000}, "regex"),
        ({"not": {"type": "string"}}, "not"),
        ({"$ref": "https://example.com/schema.json"}, "example.com"),
        ({"$ref": "file:///etc/passwd"}, "not present"),
        ({"$ref": "#/$defs/none"}, "does not exist"),
        ({"$ref": "#"}, "nothing that follows"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "unsatisfiable"),
        ({"allOf": [
            {"anyOf": [{"properties": {f"a{i}{j}": {"type": "string"}}} for j in range(8)]}
            for i in range(8)
        ]}, "too large"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_followed_is_refused_with_its_cause(
    schema: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        check(Sampling(response_schema=schema))
    assert caught.value.code == "invalid_schema"
    assert "answer:" not in str(caught.value)


def test_a_call_is_of_one_of_the_tools_with_its_arguments() -> None:
    city = {"properties": {"city": {"$ref": "#/$defs/City"}}, "required": ["city"]}
    city["$defs"] = {"City": {"type": "string"}}
    free = Tool("free", "", {"type": "object"})
    grammar = call_grammar([Tool("get_weather", "", city), Tool("get_weather_now"), free])
    for call in (
        '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
        '{"name": "get_weather_now", "arguments": {}}',
        '{"name": "free", "arguments": {"any": [1]}}',
    ):
        assert follows(grammar, call)
    for other in (
        '{"name": "get_weather", "arguments": {}}',
        '{"name": "get_weather", "arguments": {"city": "Oslo", "made_up": 1}}',
        '{"name": "get_wind", "arguments": {}}',
        '{"name": "get_weather_now"}',
        '{"name": "get_weather_now", "arguments": {"made_up": 1}}',
    ):
        assert not follows(grammar, other)


def test_words_of_a_tools_schema_that_no_grammar_knows_are_passed_over() -> None:
    tags = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    tool = Tool("tag", "", {"properties": {"tags": tags}, "not": {"required": ["x"]}})
    bad = Tool("bad", "", {"properties": {"a": {"type": "nonsense"}}})
    check(Sampling(tools=(tool,)))
    with pytest.raises(RequestError, match=r"tools\[1\]\.function\.parameters"):
        check(Sampling(tools=(tool, bad)))
    check(Sampling(tools=(bad,), tool_choice="none"))
