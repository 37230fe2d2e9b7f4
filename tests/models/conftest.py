"""Weights, fetched once by the code under test, and a hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.models.catalog import find
from prismd.models.fetch import fetch
from tests.models.hub_server import Hub
from tests.models.openai_server import OpenAIServer


@pytest.fixture(scope="session")
def onnx_weights(models_dir: Path) -> Path:
    """A models folder with the embedder and the reranker in it."""
    fetch([find("bge-small-en-v1.5"), find("ms-marco-MiniLM-L-12-v2")], models_dir)
    return models_dir


@pytest.fixture(scope="session")
def llama_weights(models_dir: Path) -> Path:
    """A models folder with the small generator in it."""
    fetch([find("smollm2-135m-instruct")], models_dir)
    return models_dir


@pytest.fixture(scope="session")
def qwen_weights(models_dir: Path) -> Path:
    """A models folder with the generator in it that prismd recommends."""
    fetch([find("qwen2.5-coder-0.5b-instruct")], models_dir)
    return models_dir


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small CLIP with random weights."""
    from tests.models.clip_checkpoint import write_checkpoint

    return write_checkpoint(tmp_path_factory.mktemp("clip") / "small-clip")


@pytest.fixture(scope="session")
def clip_models(small_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the small CLIP as ``clip-fp32`` and ``clip-int8``."""
    from prismd.models.export import export

    models_dir = tmp_path_factory.mktemp("clip-models")
    export(str(small_clip), models_dir, name="clip-fp32", quantize=False)
    export(str(small_clip), models_dir, name="clip-int8")
    return models_dir


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that ``HF_ENDPOINT`` names."""
    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """A server of OpenAI's protocol."""
    with OpenAIServer() as server:
        yield server
