"""The description of the API at ``/schema``: complete, and true of every answer.

Paths, parameters and words come from the handlers. Bodies are described by the types that they
are decoded to and encoded from, and every answer that is no success by the one envelope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple, get_origin

import msgspec
from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Operation
from litestar.routes import HTTPRoute

from prismd.api.errors import ErrorEnvelope

JSON = "application/json"
EVENTS = "text/event-stream"
FORM = "multipart/form-data"
BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
TEXT: dict[str, Any] = {"type": "string"}
EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One of the server-sent events.",
    "properties": {"event": TEXT, "data": TEXT},
    "required": ["data"],
}

FILE_ID: dict[str, Any] = {"type": "string", "pattern": "^(|file-[1-9][0-9]{0,17})$"}
FOLDER: dict[str, Any] = {"type": "string", "pattern": "^(/[^\\x00]*|~(/[^\\x00]*)?)$"}
TYPED_FOLDER: dict[str, Any] = {
    "type": "string",
    "pattern": "^\\s*(/|~(/|$)|[Ff][Ii][Ll][Ee]:|['\"])",
    "description": "The whole path; `~`, quotes and `file://` addresses are understood.",
}
NOT_BLANK: dict[str, Any] = {"pattern": "\\S"}

_OPEN = frozenset({"/health"})
_REFERENCE = "#/components/schemas/{name}"
_ALWAYS = (400, 401, 403, 429, 503)
_WITH_BODY = (413, 415)
_LITERAL = re.compile(r"``([^`]+)``")
_WORDS = {
    400: "The request cannot be answered as it is: `param` names what is wrong with it.",
    401: "No valid token was shown.",
    403: "The Host or the Origin is not one that may call.",
    404: "There is no such thing.",
    413: "The body is too large.",
    415: "What the body holds is not read here.",
    429: "Too much is asked at once; `Retry-After` says when to come back.",
    503: "A part that is needed is not there, or cannot answer now.",
    504: "The answer took too long and was given up.",
}


@dataclass(frozen=True)
class Shape:
    """What a route takes and gives, beyond what its handler's signature says.

    Attributes:
        request: Type of the JSON body; None takes none.
        answer: Type of the JSON answer, or several of which it has one; None takes what the
            handler is annotated with.
        also: Schemas of what else the answer may be, by media type.
        only_also: Whether the answer is never JSON.
        refuses: Whether the route is there to say why it does nothing.
        statuses: In which it may end besides the usual ones; those below 400 have no body.
        parameters: Schemas of query parameters, by name, where a handler takes them more freely.
        rules: Keywords that the schema of the body has besides what its type says.
        example: A whole body, as it may be sent.
        form: Type of the fields of a ``multipart/form-data`` body.
        files: What its files are for, by the names of their fields.
    """

    request: type[Any] | None = None
    answer: Any = None
    also: Mapping[str, Any] = field(default_factory=dict)
    only_also: bool = False
    refuses: bool = False
    statuses: tuple[int, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    example: Any = None
    form: type[Any] | None = None
    files: Mapping[str, str] = field(default_factory=dict)


_PLAIN = Shape()


def described(request: type[Any] | None = None, **more: Any) -> type[Operation]:
    """The ``operation_class`` of a route.

    Args:
        request: Type of the JSON body.
        **more: See ``Shape``.
    """

    @dataclass
    class Described(Operation):
        shape: ClassVar[Shape] = Shape(request, **more)

    return Described


def one_of(values: Iterable[str]) -> dict[str, Any]:
    """Schema of a parameter that may be repeated, each time with one of some values, or none."""
    return {"type": "array", "items": {"type": "string", "enum": [*values, ""]}}


def between(low: float, high: float, default: float) -> dict[str, Any]:
    """Schema of a number with its limits; of a whole one where all that is given are whole."""
    whole = all(isinstance(number, int) for number in (low, high, default))
    kind = "integer" if whole else "number"
    return {"type": kind, "minimum": low, "maximum": high, "default": default}


class Description(JsonRenderPlugin):
    """Serves the description, which is made when it is asked for first."""

    def __init__(self) -> None:
        super().__init__()
        self._made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The description as JSON."""
        if self._made is None:
            self._made = msgspec.json.encode(complete(openapi_schema, request.app))
        return self._made


class _Route(NamedTuple):
    path: str
    method: str
    handler: HTTPRouteHandler
    shape: Shape

    @property
    def answers(self) -> tuple[Any, ...]:
        """Types of which the JSON answer has one; none where there is no such answer."""
        told = self.shape.answer
        if told is not None or self.shape.only_also:
            return told if isinstance(told, tuple) else (told,) if told else ()
        returned = self.handler.parsed_fn_signature.return_type.annotation
        return (returned,) if _is_struct(get_origin(returned) or returned) else ()


def complete(schema: dict[str, Any], app: Litestar) -> dict[str, Any]:
    """The framework's description with the bodies and errors as they are.

    Args:
        schema: As the framework makes it; stays as it is.
        app: Whose routes are described.
    """
    routes = tuple(_routes(app))
    types = [ErrorEnvelope]
    types += [each.shape.request for each in routes if each.shape.request is not None]
    types += [each.shape.form for each in routes if each.shape.form is not None]
    types += [answer for each in routes for answer in each.answers]
    types = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    of_type = dict(zip(types, schemas, strict=True))
    paths = {path: dict(operations) for path, operations in schema["paths"].items()}
    for route in routes:
        if (operation := paths.get(route.path, {}).get(route.method)) is not None:
            paths[route.path][route.method] = _operation(operation, route, of_type)
    return {
        **schema,
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
        "security": [{name: []} for name in _SCHEMES],
    }


_SCHEMES: dict[str, dict[str, str]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "`prismd token` shows it."},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same."},
}


def _routes(app: Litestar) -> Iterator[_Route]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            shape = getattr(handler.operation_class, "shape", _PLAIN)
            for method in handler.http_methods:
                yield _Route(route.path_format, method.lower(), handler, shape)


def _operation(
    operation: dict[str, Any], route: _Route, of_type: Mapping[Any, dict[str, Any]]
) -> dict[str, Any]:
    made = dict(operation)
    if words := made.get("description"):
        made["description"] = _LITERAL.sub(r"`\1`", words)
    if parameters := made.get("parameters"):
        made["parameters"] = [_parameter(each, route.shape) for each in parameters]
    if (body := _body(route.shape, of_type)) is not None:
        made["requestBody"] = body
    if route.path in _OPEN:
        made["security"] = []
    made["responses"] = _answers(made, route, of_type)
    return made


def _body(shape: Shape, of_type: Mapping[Any, dict[str, Any]]) -> dict[str, Any] | None:
    if shape.form is not None or shape.files:
        return {"required": True, "content": {FORM: {"schema": _form(shape, of_type)}}}
    if shape.request is None:
        return None
    described_by: dict[str, Any] = of_type[shape.request]
    if shape.rules:
        described_by = {"allOf": [described_by], **shape.rules}
    required = bool(shape.rules) or any(
        each.required for each in msgspec.structs.fields(shape.request)
    )
    content = {"schema": described_by}
    if shape.example is not None:
        content["example"] = shape.example
    return {"required": required, "content": {JSON: content}}


def _form(shape: Shape, of_type: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    files = {name: {**BINARY, "description": words} for name, words in shape.files.items()}
    schema = {"type": "object", "properties": files, "required": list(files)}
    return schema if shape.form is None else {"allOf": [of_type[shape.form], schema]}


def _parameter(parameter: dict[str, Any], shape: Shape) -> dict[str, Any]:
    schema = shape.parameters.get(parameter["name"])
    return {**parameter, "schema": schema or _without_null(parameter.get("schema", {}))}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without null, for which a query has no way to say it."""
    choices = [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]
    return choices[0] if len(choices) == 1 else schema


def _answers(
    operation: Mapping[str, Any], route: _Route, of_type: Mapping[Any, dict[str, Any]]
) -> dict[str, Any]:
    shape = route.shape
    content = {media_type: {"schema": also} for media_type, also in shape.also.items()}
    if schemas := [of_type[answer] for answer in route.answers]:
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        content = {JSON: {"schema": schema}, **content}
    success = str(route.handler.status_code)
    given = operation["responses"].get(success, {})
    words = given.get("description") or HTTPStatus(int(success)).phrase
    answers: dict[str, Any] = {}
    if not shape.refuses:
        answers[success] = {"description": words, "content": content}
    envelope = {JSON: {"schema": of_type[ErrorEnvelope]}}
    for status in sorted({*_statuses(operation, route), *shape.statuses}):
        words = _WORDS.get(status, HTTPStatus(status).phrase)
        body = {} if status < HTTPStatus.BAD_REQUEST else {"content": envelope}
        answers[str(status)] = {"description": words, **body}
    return answers


def _statuses(operation: Mapping[str, Any], route: _Route) -> Iterable[int]:
    if route.path in _OPEN:
        return (403,)
    named = any(each["in"] == "path" for each in operation.get("parameters", ()))
    has_body = "requestBody" in operation
    return (*_ALWAYS, *((404,) if named else ()), *(_WITH_BODY if has_body else ()))


def _is_struct(returned: Any) -> bool:
    return isinstance(returned, type) and issubclass(returned, msgspec.Struct)
