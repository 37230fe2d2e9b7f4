"""The container's parts, tried without a container: no builder is at hand where tests run."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from prismd.config import loading
from tests.building import wait_until
from tests.cli.harness import Daemon, Place
from tests.clients.conftest import installed
from tests.clients.installing import python_with
from tests.e2e.writing import files_in
from tests.packaging.archives import ROOT, build
from tests.ports import free_port

DOCKER = ROOT / "scripts" / "docker"
STUB = '#!/bin/sh\necho "{0}: $*, auth ${{PRISMD_SERVER_AUTH:-unset}}" >>"$SAID"\n'


@pytest.fixture(scope="module")
def judges() -> Path:
    """The folder of the programs that judge what only a container's builder would read."""
    return installed(lambda: python_with("installers", Path(__file__).parent / "packages")).parent


def judged(*command: object) -> None:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.packaging
def test_the_dockerfile_has_no_fault_that_a_linter_knows(judges: Path) -> None:
    if sys.platform == "linux" and platform.machine() != "x86_64":
        pytest.skip("there is no hadolint for this machine")
    judged(judges / "hadolint", DOCKER / "Dockerfile")


@pytest.mark.packaging
def test_the_compose_file_keeps_to_its_schema(judges: Path, tmp_path: Path) -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    judged(judges / "check-jsonschema", *schema, DOCKER / "compose.yaml", encrypted(tmp_path))


def encrypted(tmp_path: Path) -> Path:
    """The compose file with the lines for an encrypted index taken in."""
    lines = (DOCKER / "compose.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / "compose.yaml"
    path.write_text("".join(re.sub(r"^( *)# (.*) # encrypted$", r"\1\2", line) for line in lines))
    return path


def read_yaml(judges: Path, path: Path) -> Any:
    program = "import json, sys, ruamel.yaml as y; print(json.dumps(y.YAML().load(sys.stdin)))"
    said = subprocess.run(
        [judges / "python", "-c", program],
        input=path.read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    return json.loads(said)


@pytest.mark.packaging
def test_the_container_is_let_do_no_more_than_it_must(judges: Path) -> None:
    service: dict[str, Any] = read_yaml(judges, DOCKER / "compose.yaml")["services"]["prismd"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    bound = [volume for volume in service["volumes"] if isinstance(volume, dict)]
    assert bound
    assert all(volume["read_only"] for volume in bound)
    assert not {"privileged", "network_mode", "cap_add", "devices"} & set(service)


@pytest.mark.packaging
def test_the_key_of_an_encrypted_container_is_a_secret_by_settings_that_there_are(
    judges: Path, tmp_path: Path
) -> None:
    made = read_yaml(judges, encrypted(tmp_path))
    service = made["services"]["prismd"]
    assert service["secrets"] == list(made["secrets"])
    given = {name: str(value) for name, value in service["environment"].items()}
    none = tmp_path / "config.toml"
    none.touch()
    settings = loading.load(none, {**given, "PRISMD_PORT": "7776"})
    assert settings.storage.encryption
    assert settings.storage.key == "file"
    assert settings.storage.key_file == Path("/run/secrets", *service["secrets"])


def test_the_image_is_not_run_by_root_and_is_locked() -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    lines = text.replace("\\\n", " ").splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER ${UID}:${GID}"]
    assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {
        "python:3.13-slim-trixie"
    }
    fetching = [part for line in lines for part in line.split("&&") if "pip install" in part]
    assert fetching
    assert all("--require-hashes" in part or "--no-index" in part for part in fetching)


def is_let_through(name: str, rules: list[str]) -> bool:
    """Whether the builder is sent a file; the last rule that speaks of it decides."""
    let = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        tail = pattern.removeprefix("**/")
        above = [name, *map(str, Path(name).parents)]
        if tail != pattern:
            above = [part for path in above for part in Path(path).parts]
        if any(path != "." and fnmatch(path, tail) for path in above):
            let = rule.startswith("!")
    return let


def test_what_the_builder_is_sent_makes_the_wheel(wheel: Path, tmp_path: Path) -> None:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    tree = [path for path in files_in([ROOT]) if ".venv" not in path.parts]
    sent = [path for path in tree if is_let_through(str(path.relative_to(ROOT)), rules)]
    for path in sent:
        copy = tmp_path / "context" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    again = build("wheel", tmp_path / "context", tmp_path / "wheel")
    assert again.read_bytes() == wheel.read_bytes()
    assert not [path for path in sent if "tests" in path.parts or "__pycache__" in path.parts]
    assert {DOCKER / "entry", DOCKER / "build.lock", DOCKER / "healthy.py"} <= set(sent)


@contextlib.contextmanager
def entered(
    tmp_path: Path, *arguments: str, env: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], list[str]]]]:
    """The container's entry, with what it starts for prismd and socat, and what they say.

    Here prismd ends when its standard input does, and socat at once.
    """
    programs, said = tmp_path / "programs", tmp_path / "said"
    programs.mkdir()
    said.touch()
    for name, then in (("prismd", "exec cat"), ("socat", "exec false")):
        (programs / name).write_text(STUB.format(name) + then)
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    with subprocess.Popen(
        [DOCKER / "entry", *arguments],
        env={"PATH": path, "SAID": str(said), **env},
        stdin=subprocess.PIPE,
    ) as process:
        yield process, lambda: said.read_text().splitlines()


@pytest.mark.parametrize(("env", "port"), [({}, "7776"), ({"PRISMD_PORT": "8001"}, "8001")])
def test_what_arrives_at_the_container_is_handed_on_and_needs_the_token(
    tmp_path: Path, env: dict[str, str], port: str
) -> None:
    env = {**env, "PRISMD_SERVER_AUTH": "false"}
    with entered(tmp_path, "run", "/a b", env=env) as (_, said):
        wait_until(lambda: len(set(said())) == 2)
        door, daemon = sorted(set(said()), reverse=True)
    assert daemon == "prismd: run /a b, auth true"
    assert "TCP-LISTEN:7777,fork" in door
    assert f"TCP:127.0.0.1:{port}," in door


def test_the_door_is_opened_again_as_long_as_prismd_is_there(tmp_path: Path) -> None:
    with entered(tmp_path, "run", env={}) as (process, said):
        wait_until(lambda: sum(line.startswith("socat: ") for line in said()) > 1)
        wait_until(lambda: bool(doors(process.pid)))
        (door,) = doors(process.pid)
        assert process.poll() is None
    assert process.returncode == 0
    wait_until(lambda: not door.is_running() or door.status() == psutil.STATUS_ZOMBIE)
    assert sum(line.startswith("prismd: ") for line in said()) == 1


def doors(pid: int) -> list[psutil.Process]:
    """What keeps the container's door open, while prismd has the number of the entry."""
    return [child for child in psutil.Process(pid).children() if "entry" in str(child.cmdline())]


def test_other_commands_of_the_container_open_no_door(tmp_path: Path) -> None:
    with entered(tmp_path, "models", "list", env={}) as (process, said):
        wait_until(lambda: bool(said()))
        assert psutil.Process(process.pid).children() == []
    assert said() == ["prismd: models list, auth unset"]


def test_the_container_has_as_long_to_stop_as_the_service() -> None:
    compose = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
    unit = (ROOT / "systemd" / "prismd.service").read_text(encoding="utf-8")
    (own,) = re.findall(r"(?m)^ *stop_grace_period: (\S+)$", compose)
    assert re.findall(r"(?m)^TimeoutStopSec=(\S+)$", unit) == [own]


@pytest.fixture(scope="module")
def healthy() -> ModuleType:
    spec = spec_from_file_location("healthy", DOCKER / "healthy.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = Place(tmp_path_factory.mktemp("container"))
    with place.daemon() as daemon:
        yield daemon


def test_it_is_healthy_while_it_answers(healthy: ModuleType, daemon: Daemon) -> None:
    port = daemon.place.port
    assert healthy.answers("127.0.0.1", port, str(port))
    assert not healthy.answers("127.0.0.1", port, "1"), "another name is no way in"


def test_it_is_not_healthy_where_nothing_answers(healthy: ModuleType) -> None:
    assert not healthy.answers("127.0.0.1", free_port(), "7776")


def test_the_check_of_health_needs_nothing_installed() -> None:
    program = f"import runpy; runpy.run_path({str(DOCKER / 'healthy.py')!r}, run_name='healthy')"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, timeout=60)
