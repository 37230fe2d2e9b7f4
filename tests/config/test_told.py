from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from prismd.api.configuration import Configuration, Setting
from prismd.config.loading import default_path, describe, load
from prismd.config.told import told


def by_key(found: Configuration) -> dict[str, Setting]:
    return {each.key: each for section in found.sections for each in section.settings}


def test_every_setting_is_told_once_in_the_order_of_the_file(home: Path) -> None:
    config = load(env={}, flags={"folders": [home]})
    assert list(by_key(told(config))) == [each.key for each in describe(config)]
    assert by_key(told(config))["folders.0"].value == {"path": str(home)}


def test_value_default_and_place_are_told(tmp_path: Path, home: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[search]\nlimit = 7\n[[folders]]\npath = "a"\nhidden = true\n')
    env = {"PRISMD_LOG_LEVEL": "debug"}
    found = told(load(file, env, {"server.port": 7003}))
    assert (found.file, found.exists) == (str(file), True)
    settings = by_key(found)

    def of(key: str) -> tuple[object, ...]:
        return tuple(getattr(settings[key], n) for n in ("value", "default", "source", "place"))

    assert of("search.limit") == (7, 10, "file", str(file))
    assert of("log.level") == ("debug", "info", "environment", "PRISMD_LOG_LEVEL")
    assert of("server.port") == (7003, 7776, "flag", "")
    assert of("index.ocr") == (True, True, "default", "")
    folder = {"path": str(tmp_path / "a"), "hidden": True}
    assert of("folders.0") == (folder, None, "file", str(file))
    assert settings["search.limit"].about == "Hits, where the request sets no limit."


def test_without_a_file_its_place_is_told(home: Path) -> None:
    found = told(load(env={}))
    assert (found.file, found.exists) == (str(default_path()), False)
    default_path().parent.mkdir(parents=True)
    default_path().write_text("")
    assert told(load(env={})).exists


@pytest.mark.parametrize("key", ["sk-live-4f00d", "gsk_4f00d", "4f00d", "Bearer 4f00d"])
def test_a_key_that_stands_in_place_of_its_variable_is_told_to_nobody(key: str) -> None:
    config = load(env={"PRISMD_GENERATION_API_KEY_ENV": key})
    assert b"4f00d" not in msgspec.json.encode(told(config))
    named = told(load(env={"PRISMD_GENERATION_API_KEY_ENV": "OPENAI_API_KEY"}))
    assert by_key(named)["generation.api_key_env"].value == "OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://me:4f00d@localhost/v1", "http://localhost/v1"),
        ("http://4f00d@localhost/v1?key=4f00d#4f00d", "http://localhost/v1"),
        ("http://a@4f00d@localhost", "http://localhost"),
    ],
)
def test_what_opens_a_server_is_left_out_of_its_address(address: str, shown: str) -> None:
    config = load(env={})
    config = msgspec.structs.replace(
        config, generation=msgspec.structs.replace(config.generation, base_url=address)
    )
    found = told(config)
    assert by_key(found)["generation.base_url"].value == shown
    assert b"4f00d" not in msgspec.json.encode(found)


def test_a_path_that_is_no_utf8_is_told_all_the_same(home: Path) -> None:
    data_dir = Path(os.fsdecode(os.fsencode(home) + b"/d\xff"))
    config = load(env={}, flags={"data_dir": data_dir})
    assert by_key(told(config))["data_dir"].value == f"{home}/d\ufffd"
    msgspec.json.encode(told(config))
