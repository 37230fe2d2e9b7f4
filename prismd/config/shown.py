"""Settings as they may be shown to anybody: no path, no name, no address, no key."""

from __future__ import annotations

from typing import Any, Literal, get_origin, get_type_hints

import msgspec

from prismd.config.options import SECTIONS, Config

_HIDDEN = "set"
"""Stands for what is set and is not shown."""


def shown(config: Config) -> dict[str, Any]:
    """The settings by ``section.key``, with how many folders there are.

    Numbers, truths and words of a fixed choice are shown. Of everything else it is only told
    that it is set, where it is not at its default.
    """
    found: dict[str, Any] = {"folders": len(config.folders)}
    for name, section in SECTIONS.items():
        values = getattr(config, name)
        hints = get_type_hints(section, include_extras=False)
        for field in msgspec.structs.fields(section):
            value = getattr(values, field.name)
            if isinstance(value, bool | int | float) or get_origin(hints[field.name]) is Literal:
                found[f"{name}.{field.name}"] = value
            elif value != field.default:
                found[f"{name}.{field.name}"] = _HIDDEN
    return found
