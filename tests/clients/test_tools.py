"""Objects and calls of tools, by clients that ask a real generator for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.harness import Daemon, Place
from tests.clients.harness import TRAIN, Runtime

pytestmark = [pytest.mark.clients, pytest.mark.llama, pytest.mark.models, pytest.mark.slow]


@pytest.fixture(scope="module")
def writing(llama_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with a small generator."""
    place = Place(tmp_path_factory.mktemp("writing"))
    place.write_sample()
    small = {
        "PRISMD_MODELS_GENERATION": "smollm2-135m-instruct",
        "PRISMD_MODELS_DIR": str(llama_weights),
        "PRISMD_ANSWER_ENGINE": "extractive",
    }
    with place.daemon(env=small) as daemon:
        daemon.await_idle()
        yield daemon


def assert_person(person: dict[str, object]) -> None:
    """Of the schema; what a model of this size writes into it is its own."""
    assert person.keys() == {"name", "age"}
    assert isinstance(person["name"], str)
    assert isinstance(person["age"], int)


def test_langchain_binds_tools(openai_3: Runtime, writing: Daemon, tmp_path: Path) -> None:
    seen = openai_3.run("langchain_tools.py", writing, tmp_path)
    assert seen["name"] == "weather"
    assert seen["streamed"] == ["weather"]
    assert list(seen["arguments"]) == ["city"]
    assert_person(seen["person"])


def test_instructor_gets_objects(openai_2: Runtime, writing: Daemon, tmp_path: Path) -> None:
    seen = openai_2.run("instructor_schema.py", writing, tmp_path)
    assert_person(seen["JSON_SCHEMA"])
    assert_person(seen["TOOLS"])


def test_agents_of_pydantic_ai_get_objects(
    openai_3: Runtime, writing: Daemon, tmp_path: Path
) -> None:
    seen = openai_3.run("pydantic_ai_agent.py", writing, tmp_path)
    assert seen["cited"] == f"{TRAIN} [1]"
    assert_person(seen["native"])
    assert_person(seen["by tool"])
