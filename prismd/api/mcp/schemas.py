"""Structs to JSON schemas as every client understands them. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

_REFERENCE = "#/$defs/"


@cache
def schema_of(type_: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a struct, in one piece: not every client follows ``$ref``.

    Types that hold themselves have no such schema.
    """
    (root,), parts = msgspec.json.schema_components([type_], ref_template=_REFERENCE + "{name}")
    schema = _in_one_piece(root, parts)
    assert isinstance(schema, dict)  # noqa: S101 - a struct is an object
    # Without the docstring: it says to programmers what the tool's description says to agents.
    required, properties = schema["required"], schema["properties"]
    in_order = [*required, *(name for name in properties if name not in required)]
    return {
        "type": "object",
        "properties": {name: properties[name] for name in in_order},
        "required": required,
        **({"additionalProperties": False} if "additionalProperties" in schema else {}),
    }


def _in_one_piece(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_in_one_piece(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        return _in_one_piece(parts[reference.removeprefix(_REFERENCE)], parts)
    # Some clients want to be told that the values of an enumeration are texts.
    kind = {"type": "string"} if "enum" in value else {}
    return kind | {name: _in_one_piece(item, parts) for name, item in value.items()}
