"""What every test may rely on: a home of its own, and no setting from outside."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from prismd.disk.looking import heed_writers
from prismd.models.catalog_speech import ENTRIES
from prismd.models.fetch import fetch
from prismd.store.database import Database
from tests import ports

# Importing pymupdf loads onnxruntime, whose wheels send usage data unless this is set before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Read at import: during a test the home directory is an empty one.
_MODELS_DIR = Path(
    os.environ.get("PRISMD_TEST_MODELS")
    or os.environ.get("PRISMD_MODELS_DIR")
    or Path.home() / ".cache" / "prismd-tests" / "models"
)

if not os.environ.get("CI"):  # there, hypothesis takes a profile of its own
    # Slowness is no fault: other programs may want the processor as well.
    settings.register_profile("prismd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("prismd")

heed_writers()  # as every prismd does that reads files

# Shells have what they run in the background ignore Ctrl-C; what tests start would take after it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory; nothing that a test does reaches the user's files or settings."""
    # Weights are large and verified before use, so tests share those that scripts/test fetched.
    models = os.environ.get("PRISMD_MODELS_DIR")
    for name in list(os.environ):
        if name.startswith(("PRISMD_", "XDG_")):
            monkeypatch.delenv(name)
    if models:
        monkeypatch.setenv("PRISMD_MODELS_DIR", models)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def temporary_folder() -> Iterator[None]:
    """That of the system; parsers that run in a test's own process choose another for good."""
    tempfile.tempdir = None
    yield
    tempfile.tempdir = None


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """That of a usual login; prismd's commands set another, for themselves."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where a test's prismd keeps its data; not made yet."""
    return tmp_path / "data"


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    """An empty index, open for writing."""
    opened = Database(data_dir)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Where weights are kept from one run to the next."""
    return _MODELS_DIR


@pytest.fixture(scope="session")
def speech_weights(models_dir: Path) -> Path:
    """A models folder with the models of speech in it."""
    fetch(ENTRIES, models_dir)
    return models_dir


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    return ports.free_port()
