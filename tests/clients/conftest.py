"""A daemon as users have it, and clients as users install them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.cli.harness import Daemon, Place
from tests.clients.harness import Runtime
from tests.clients.installing import InstallError, node_with_packages, python_with
from tests.models.conftest import llama_weights
from tests.needing import leave_out

__all__ = ["llama_weights"]  # a fixture here, too

_Made = TypeVar("_Made")


@pytest.fixture(scope="package")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon over the sample files, with a generator that repeats what it is told."""
    place = Place(tmp_path_factory.mktemp("clients"))
    place.write_sample()
    fakes = {"PRISMD_MODELS_GENERATION": "fake", "PRISMD_MODELS_SPEECH": "fake"}
    with place.daemon(env=fakes) as daemon:
        daemon.await_idle()
        yield daemon


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place where prismd never ran."""
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="session")
def openai_3() -> Runtime:
    """Python with the newest openai and what goes with it."""
    return Runtime(str(installed(lambda: python_with("openai-3"))))


@pytest.fixture(scope="session")
def openai_2() -> Runtime:
    """Python with the openai of before, and what waits there."""
    return Runtime(str(installed(lambda: python_with("openai-2"))))


@pytest.fixture(scope="session")
def schemathesis() -> Path:
    """The command of schemathesis."""
    return installed(lambda: python_with("schemathesis")).with_name("schemathesis")


@pytest.fixture(scope="session")
def node() -> Runtime:
    """Node with its clients."""
    return Runtime("node", installed(node_with_packages))


def installed(install: Callable[[], _Made]) -> _Made:
    """What an installation made; else the test is skipped, and fails where CI runs it."""
    try:
        return install()
    except InstallError as error:
        leave_out(str(error))
