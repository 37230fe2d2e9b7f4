"""Settings as they are told to the person whose they are; keys and passwords are told to nobody."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from prismd.api.configuration import Configuration, Section, Setting, Source
from prismd.config.descriptions import descriptions
from prismd.config.loading import Setting as Described
from prismd.config.loading import default_path, describe
from prismd.config.options import SECTIONS, Config, Folder

_HIDDEN = "(not shown)"
_VARIABLE = re.compile(r"(?:[A-Z_][A-Z0-9_]*)?")
_SECRETS_OF_URL = re.compile(r"(?<=//)[^/?#]*@|[?#].*", re.DOTALL)
_ENVIRONMENT = "environment "


def told(config: Config) -> Configuration:
    """Every setting in the order of the example file, by section. Looks whether the file is there.

    Args:
        config: The settings that hold.
    """
    file = config.file or default_path()
    about, defaults = descriptions(), dict(_defaults(config))
    settings = [_setting(each, defaults.get(each.key), about) for each in describe(config)]
    return Configuration(
        file=_utf8(str(file)),
        exists=file.is_file(),
        sections=tuple(
            Section(
                name=name,
                about=about.get(name, "") if name else "",
                settings=tuple(each for each in settings if _section(each.key) == name),
            )
            for name in ("", "folders", *SECTIONS)
        ),
    )


def _setting(described: Described, default: Any, about: Mapping[str, str]) -> Setting:
    key = described.key
    source, place = _source(described.source)
    return Setting(
        key=key,
        value=_shown(key, described.value),
        default=_shown(key, default),
        about=about.get(key, ""),
        source=source,
        place=_utf8(place),
    )


def _section(key: str) -> str:
    return key.rpartition(".")[0]


def _defaults(config: Config) -> Iterator[tuple[str, Any]]:
    if "data_dir" not in config.sources:
        yield "data_dir", config.data_dir
    for section, kind in SECTIONS.items():
        for field in msgspec.structs.fields(kind):
            yield f"{section}.{field.name}", field.default


def _source(source: str) -> tuple[Source, str]:
    if source in ("default", "flag"):
        return ("default" if source == "default" else "flag"), ""
    if source.startswith(_ENVIRONMENT):
        return "environment", source.removeprefix(_ENVIRONMENT)
    return "file", source


def _shown(key: str, value: Any) -> Any:
    """A value as JSON has it, without what opens something.

    A key belongs into the variable that ``api_key_env`` names, and is often written in its place.
    """
    if isinstance(value, Folder):
        return _folder(value)
    if isinstance(value, str) and key.endswith("_env") and not _VARIABLE.fullmatch(value):
        return _HIDDEN
    if isinstance(value, str) and key.endswith("_url"):
        return _SECRETS_OF_URL.sub("", value)
    return msgspec.to_builtins(value, enc_hook=lambda path: _utf8(str(path)))


def _folder(folder: Folder) -> dict[str, Any]:
    """The folder's path, and what is set for it besides."""
    said = msgspec.to_builtins(folder, enc_hook=lambda path: _utf8(str(path)))
    fields = {field.name: field.default for field in msgspec.structs.fields(folder)}
    return {name: value for name, value in said.items() if getattr(folder, name) != fields[name]}


def _utf8(text: str) -> str:
    """A path for JSON, which has no way to write down bytes that are no UTF-8."""
    return os.fsencode(text).decode("utf-8", "replace")
