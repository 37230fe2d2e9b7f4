"""One value as it was given, into the type that it has to have, or a message that says why not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, inspect

from prismd.errors import ConfigError


class Given(Struct, frozen=True):
    """A value as it was given: where, under what name, and what it has to be."""

    value: Any
    type: Any
    place: str
    """How the place is named to a person: ``config.toml: [server] port``."""
    source: str
    """``flag``, ``environment NAME``, or the file's path."""
    base: Path
    """Where a relative path starts."""
    textual: bool = False
    """From the environment, where every value is text."""

    @property
    def is_list(self) -> bool:
        """Whether a list is expected."""
        return isinstance(inspect.type_info(self.type), inspect.VarTupleType)

    def checked(self) -> Any:
        """The value in its type, paths absolute.

        Raises:
            ConfigError: It is of another type, or out of range.
        """
        if self.value == "" and self._may_be_none:
            return None
        try:
            result = msgspec.convert(
                self.value, self.type, strict=not self.textual, dec_hook=_path_of
            )
        except (msgspec.ValidationError, ValueError) as error:
            raise self._wrong() from error
        if isinstance(result, float) and not math.isfinite(result):
            raise self._wrong()
        return self.base / expanded(result, self.place) if isinstance(result, Path) else result

    @property
    def _may_be_none(self) -> bool:
        kind = inspect.type_info(self.type)
        return isinstance(kind, inspect.UnionType) and kind.includes_none

    def _wrong(self) -> ConfigError:
        allowed = _described(inspect.type_info(self.type))
        return ConfigError(f"{self.place}: {shown(self.value)} given; give {allowed}")


def expanded(path: Path, place: str) -> Path:
    """A path with the home directory that a tilde at its beginning stands for.

    Args:
        path: As it was given.
        place: Where; as ``Given.place``.

    Raises:
        ConfigError: Whose home that is, or where, nobody knows.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{place}: {shown(str(path))} given; no such home directory is known, so name it in"
            " full"
        ) from error


def shown(value: object) -> str:
    """A value as it would be written in TOML, shortened when long."""
    try:
        # JSON has no word for NaN and infinity and would show them as null.
        text = str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _path_of(type_: type, value: object) -> object:
    if type_ is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError(value)


def _described(kind: inspect.Type) -> str:
    """What is allowed, to follow "give"."""
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(kind)
        case inspect.FloatType():
            return "a number" + _range(kind)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(f'"{value}"' for value in values)
        case inspect.VarTupleType(item_type=inspect.LiteralType(values=values)):
            return "a list of " + ", ".join(f'"{value}"' for value in values)
        case inspect.VarTupleType():
            return 'a list of texts, such as ["a", "b"]'
        case inspect.CustomType() | inspect.UnionType():
            return "a path"
        case _:
            return "a text"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.gt is not None:
        return f" above {kind.gt}"
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    if kind.ge is not None:
        return f" of at least {kind.ge}"
    return ""
