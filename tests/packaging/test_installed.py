"""The wheel works by itself: in an empty environment, an empty home, with no source tree near."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from prismd.models.catalog import find
from prismd.models.fetch import fetch
from tests.building import wait_until
from tests.clients.conftest import installed
from tests.packaging.alone import Alone
from tests.packaging.archives import ROOT

pytestmark = pytest.mark.packaging

SENTENCE = "The train from Porto to Lisbon leaves at 09:47."
QUESTION = "When does the train from Porto leave?"
SEARCH_MODELS = ("bge-small-en-v1.5", "ms-marco-MiniLM-L-12-v2")


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Alone:
    """The environment, which tests share."""
    return installed(lambda: Alone(wheel, tmp_path_factory.mktemp("alone")))


@pytest.fixture
def alone(base: Alone, tmp_path: Path) -> Alone:
    """The environment with a home and files of the test's own."""
    base.home, base.files = tmp_path / "home", tmp_path / "files"
    base.home.mkdir()
    base.files.mkdir()
    (base.files / "trains.md").write_text(f"# Trains\n\n{SENTENCE}\n")
    return base


def test_it_is_the_wheel_that_runs(alone: Alone, wheel: Path) -> None:
    program = "import prismd, sys; print(prismd.__file__, *sys.path, sep='\\n')"
    imported, *path = alone.python(program).splitlines()
    assert Path(imported).is_relative_to(alone.bin.parent)
    assert not any(Path(place).is_relative_to(ROOT) for place in path)
    assert alone.run("--version") == f"prismd, version {wheel.name.split('-')[1]}\n"


def test_it_asks_for_all_that_it_needs_and_for_nothing_that_disagrees(alone: Alone) -> None:
    said = alone.python("import runpy, sys; sys.argv[1:] = ['check']; runpy.run_module('pip')")
    assert said == "" or "No broken requirements" in said


def test_every_module_can_be_imported_or_says_which_extra_it_needs(alone: Alone) -> None:
    program = (
        "import importlib, pkgutil, prismd\n"
        "for found in pkgutil.walk_packages(prismd.__path__, 'prismd.'):\n"
        "    if found.name == 'prismd.__main__': continue\n"
        "    try: importlib.import_module(found.name)\n"
        "    except ImportError as missing: print(found.name, missing.name)\n"
    )
    missing = [line.split() for line in alone.python(program).splitlines()]
    of_extras = {"llama_cpp", "llguidance", "onnx", "optimum", "torch", "transformers"}
    assert [pair for pair in missing if pair[1].split(".")[0] not in of_extras] == []


def test_the_doctor_says_what_is_missing_in_an_empty_home(alone: Alone) -> None:
    said = json.loads(alone.run("doctor", "--json", codes=(0, 1)))
    found = {verdict["what"]: verdict for verdict in said}
    assert "prismd models pull" in found["embedding"]["remedy"]
    assert all(verdict["remedy"] for verdict in said if not verdict["well"])
    assert list(alone.home.iterdir()) == []


def test_the_settings_are_explained_without_a_source_tree(alone: Alone) -> None:
    said = alone.run("config", "example")
    assert said == (ROOT / "config.example.toml").read_text(encoding="utf-8")


def test_the_shells_scripts_are_printed_from_the_wheel(alone: Alone) -> None:
    assert "_PRISMD_COMPLETE=zsh_complete" in alone.run("completion", "zsh")


def test_words_are_indexed_and_a_question_is_answered_without_models(alone: Alone) -> None:
    assert "prismd models pull" in alone.run("index", "--quiet", alone.files)
    said = alone.run("ask", QUESTION)
    assert SENTENCE in said
    assert "[1] trains.md, line 3" in said
    assert "trains.md" in alone.run("search", "Porto")


def test_the_daemon_serves_and_ends_in_order(alone: Alone) -> None:
    with alone.daemon(alone.files) as address:
        token = alone.run("token").strip()
        shown = {"Authorization": f"Bearer {token}"}
        assert httpx.get(address, headers=shown, timeout=60, trust_env=False).is_success
        wait_until(lambda: "files      1 in all" in alone.run("status"))


@pytest.mark.models
def test_with_models_passages_are_embedded_and_cited(alone: Alone, models_dir: Path) -> None:
    fetch([find(name) for name in SEARCH_MODELS], models_dir)
    env = {"PRISMD_MODELS_DIR": str(models_dir)}
    assert alone.run("models", "pull", *SEARCH_MODELS, env=env).count("checksum is right") == 2
    alone.run("index", "--quiet", alone.files, env=env)
    reply = json.loads(alone.run("ask", "--json", QUESTION, env=env))
    assert SENTENCE in reply["choices"][0]["message"]["content"]
    (cited,) = reply["prism"]["citations"]
    assert (cited["quote"], cited["support"]) == (SENTENCE, "exact")
    status = json.loads(alone.run("status", "--json", env=env))
    assert status["models"]["generation"]["state"] == "missing"  # llama.cpp is an extra
    assert status["passages_embedded"] == status["passages"] > 0
    said = json.loads(alone.run("doctor", "--json", env=env))
    assert all(verdict["well"] for verdict in said)
