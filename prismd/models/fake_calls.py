"""How the fake generator calls tools and keeps to schemas: the same every time. Pure.

It calls a tool for every line of what it would say that reads ``call NAME {"argument": …}``,
where NAME is one that was offered. Where a call is required and none is written, it calls the
tool that is named, or the first one, with the least arguments that its schema allows.
"""

from __future__ import annotations

import json
import re
from typing import Any

from prismd.errors import RequestError
from prismd.models.base import Sampling, ToolCall

_CALL = re.compile(r"^call (\S+) (\{.*\})$", re.M)
_LEAST: dict[str, Any] = {"integer": 0, "number": 0, "boolean": False, "null": None, "string": ""}


def calls_of(answer: str, sampling: Sampling) -> tuple[str, tuple[ToolCall, ...]]:
    """What is said and what is called, where tools are offered."""
    if not sampling.tools or sampling.tool_choice == "none":
        return answer, ()
    known = {tool.name: tool for tool in sampling.tools}
    if sampling.tool_name:
        known = {sampling.tool_name: known[sampling.tool_name]}
    found = [(name, text) for name, text in _CALL.findall(answer) if name in known]
    if not found and sampling.tool_choice == "required":
        first = next(iter(known.values()))
        least = instance_of({"type": "object", **first.parameters})
        return "", (ToolCall("call_1", first.name, json.dumps(least)),)
    if not found:
        return answer, ()
    if not sampling.parallel_tool_calls:
        found = found[:1]
    calls = (ToolCall(f"call_{n}", name, text) for n, (name, text) in enumerate(found, start=1))
    said = _CALL.sub(lambda line: "" if line[1] in known else line[0], answer)
    return said.strip(), tuple(calls)


def instance_of(schema: dict[str, Any]) -> Any:
    """The least value of a schema, by its types, enums, references and required properties.

    Raises:
        RequestError: It is none that can be followed.
    """
    try:
        return _instance_of(schema, schema)
    except (AttributeError, LookupError, TypeError, RecursionError) as error:
        raise RequestError(
            f"the schema cannot be followed ({type(error).__name__}); correct it",
            code="invalid_schema",
        ) from None


def _instance_of(schema: dict[str, Any], whole: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _instance_of(_resolved(schema["$ref"], whole), whole)
    for either in ("anyOf", "oneOf", "allOf"):
        if schema.get(either):
            return _instance_of(schema[either][0], whole)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            name: _instance_of(properties.get(name, {"type": "null"}), whole)
            for name in schema.get("required", ())
        }
    if kind == "array":
        return [_instance_of(schema.get("items", {}), whole)] * schema.get("minItems", 0)
    return schema.get("minimum", _LEAST.get(kind))


def _resolved(reference: str, whole: dict[str, Any]) -> dict[str, Any]:
    found: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    resolved: dict[str, Any] = found
    return resolved
