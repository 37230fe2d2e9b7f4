"""What of a changed configuration holds at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from prismd.config import SECTIONS, load
from prismd.reloading import LIVE, holding_at_once

LEVELS = {"log.level": "debug"}


def other(value: object, key: str) -> object:
    """Another value that the setting may have."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value / 2 or 0.5
        case None:
            return Path("/elsewhere")
        case tuple():
            return ("x",)
        case _:
            return LEVELS.get(key, "other")


KEYS = [
    f"{section}.{field.name}"
    for section, kind in SECTIONS.items()
    for field in msgspec.structs.fields(kind)
]


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_holds_at_once_or_stays_as_it_is(key: str) -> None:
    section, _, name = key.partition(".")
    running = load(env={})
    old = getattr(running, section)
    changed = msgspec.structs.replace(old, **{name: other(getattr(old, name), key)})
    wanted = msgspec.structs.replace(running, **{section: changed})
    now = holding_at_once(running, wanted)
    assert now in (running, wanted)
    assert now == running if section not in LIVE else True


def test_folders_hold_at_once_and_the_data_stays_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('data_dir = "elsewhere"\n[[folders]]\npath = "a"\n')
    running, wanted = load(env={}), load(file, {})
    now = holding_at_once(running, wanted)
    assert (now.folders, now.sources, now.file) == (wanted.folders, wanted.sources, file)
    assert now.data_dir == running.data_dir
