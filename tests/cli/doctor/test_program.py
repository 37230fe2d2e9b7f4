from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from prismd.cli.doctor.program import (
    judge_files,
    judge_memory,
    judge_offline,
    judge_path,
    judge_proxies,
    judge_variables,
    look,
    look_at_configuration,
    look_at_machine,
    look_at_sqlite,
    look_at_variables,
)
from prismd.config.options import Config, Embedding, Generation

GB = 1_000_000_000


def test_what_prismd_runs_on_is_shown() -> None:
    found = {verdict.what: verdict for verdict in look()}
    assert found["Python"].detail.endswith(sys.executable)
    assert "with FTS5 and sqlite-vec v" in found["SQLite"].detail
    assert [verdict.what for verdict in look_at_machine()] == ["open files", "memory"]


def test_an_extension_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlite_vec.loadable_path", lambda: str(tmp_path / "vec0"))
    found = look_at_sqlite()
    assert found.level == "problem"
    assert found.remedy == f"{sys.executable} -m pip install --force-reinstall apsw sqlite-vec"


def test_a_command_that_no_shell_finds_is_told(tmp_path: Path) -> None:
    installed = tmp_path / "bin" / "prismd"
    assert judge_path(None, installed).level == "ok"  # run from its sources
    installed.parent.mkdir()
    installed.touch()
    found = judge_path(None, installed)
    assert found.level == "note"
    assert found.remedy == f"call it by its path, or: export PATH={installed.parent}:$PATH"
    assert judge_path("/usr/bin/prismd", installed).level == "ok"


def test_a_configuration_that_others_may_change_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    file.chmod(0o666)
    config = Config(data_dir=tmp_path, file=file)
    first, *_ = look_at_configuration(config)
    assert (first.level, first.remedy) == ("problem", f"chmod go-w {file}")
    file.chmod(0o644)
    first, *_ = look_at_configuration(config)
    assert (first.level, first.detail) == ("ok", str(file))
    first, *_ = look_at_configuration(Config(data_dir=tmp_path))
    assert first.detail.startswith("none; defaults hold (it would be ")


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("", "ok"),
        ("http://127.0.0.1:8080/v1", "ok"),
        ("http://[::1]:8080/v1", "ok"),
        ("http://localhost:8080/v1", "ok"),
        ("https://example.org/v1", "note"),
        ("http://127.0.0.1.example.org/v1", "note"),
    ],
)
def test_what_leaves_the_computer_is_told(url: str, level: str) -> None:
    for config in (
        Config(data_dir=Path(), embedding=Embedding(base_url=url, dim=3)),
        Config(data_dir=Path(), generation=Generation(base_url=url)),
    ):
        (found,) = judge_offline(config)
        assert found.level == level
        assert ("it gets your passages" in found.detail) == (level == "note")


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("PRISMD_SERCH_LIMIT", "did you mean PRISMD_SEARCH_LIMIT?"),
        ("PRISMD_DATADIR", "did you mean PRISMD_DATA_DIR?"),
        ("PRISMD_XYZZY", "sets nothing"),
    ],
)
def test_a_variable_that_sets_nothing_is_told(name: str, mean: str) -> None:
    (found,) = judge_variables({name: "1"}, ())
    assert found.level == "note"
    assert mean in found.detail
    assert found.remedy.startswith(f"unset {name}")


def test_variables_that_count_are_not_told() -> None:
    env = {"PRISMD_PORT": "1", "PRISMD_CONFIG": "x", "PRISMD_SEARCH_LIMIT": "3", "PATH": "x"}
    assert list(judge_variables({**env, "PRISMD_KEY": "of a server"}, ("PRISMD_KEY",))) == []


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"HTTP_PROXY": "http://proxy"}, True),
        ({"all_proxy": "socks://proxy", "no_proxy": "example.org"}, True),
        ({"http_proxy": "http://proxy", "NO_PROXY": "example.org, localhost"}, False),
        ({"http_proxy": "http://proxy", "no_proxy": "*"}, False),
        ({"HTTP_PROXY": ""}, False),
        ({}, False),
    ],
)
def test_a_proxy_that_stands_before_this_computer_is_told(env: dict[str, str], told: bool) -> None:
    found = list(judge_proxies(env))
    assert bool(found) == told
    assert all(v.remedy == "export NO_PROXY=localhost,127.0.0.1,::1" for v in found)


@pytest.mark.parametrize(("zone", "told"), [("Mars/Olympus", True), ("UTC", False), ("", False)])
def test_a_time_zone_that_does_not_exist_is_told(zone: str, told: bool) -> None:
    found = [v for v in look_at_variables({"TZ": zone}, None) if v.what == "time zone"]
    assert bool(found) == told


@pytest.mark.parametrize(
    ("soft", "hard", "level", "remedy"),
    [
        (1024, 4096, "ok", ""),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, "ok", ""),
        (256, resource.RLIM_INFINITY, "note", "ulimit -n 4096"),
        (256, 512, "note", "ulimit -n 512"),
    ],
)
def test_a_low_limit_of_files_is_told(soft: int, hard: int, level: str, remedy: str) -> None:
    found = judge_files(soft, hard)
    assert found.level == level
    assert found.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("total", "free", "level", "advice"),
    [
        (16 * GB, 8 * GB, "ok", ""),
        (16 * GB, 1 * GB, "note", "workers = 1"),
        (2 * GB, 1 * GB, "note", 'generation = ""'),
    ],
)
def test_little_memory_is_told(total: int, free: int, level: str, advice: str) -> None:
    found = judge_memory(total, free)
    assert found.level == level
    assert advice in found.remedy
