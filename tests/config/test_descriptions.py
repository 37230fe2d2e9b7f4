from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from prismd.config import descriptions
from prismd.config.options import SECTIONS, Folder


def keys() -> list[str]:
    found = ["data_dir", *(f"folders.{field.name}" for field in msgspec.structs.fields(Folder))]
    for section, kind in SECTIONS.items():
        found += [section, *(f"{section}.{field.name}" for field in msgspec.structs.fields(kind))]
    return found


def test_every_setting_and_section_is_described_in_words_that_a_person_reads() -> None:
    found = descriptions.descriptions()
    for key in keys():
        assert found.get(key), f"{key} has no description"
        assert "``" not in found[key]
        assert found[key][0].isupper() or found[key][0] in "`0123456789"
        assert found[key].endswith("."), key
    assert found["server"] == "Who may ask, and how much at once."
    assert found["server.auth"] == "Whether requests need the token that `prismd token` shows."


def test_without_sources_there_are_no_descriptions_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(module: Any) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr(inspect, "getsource", none)
    descriptions.descriptions.cache_clear()
    try:
        assert descriptions.descriptions() == {}
    finally:
        descriptions.descriptions.cache_clear()
