from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from prismd.models import catalog
from prismd.models.added import add
from prismd.models.base import Message, Sampling
from prismd.models.entry import Role
from prismd.models.load import Models, ModelSettings
from tests.models.openai_server import OpenAIServer


def states(models: Models) -> dict[str, str]:
    return {role: state.state for role, state in models.states().items()}


def test_without_weights_every_role_is_missing_and_names_the_command(tmp_path: Path) -> None:
    models = Models(ModelSettings(tmp_path))
    assert (models.embedder, models.reranker, models.generator) == (None, None, None)
    assert (models.images, models.transcriber) == (None, None)
    assert set(states(models).values()) == {"missing"}
    assert models.states()["embedding"].detail == (
        "run `prismd models pull bge-small-en-v1.5`; until then only words are found, not meaning"
    )
    models.close()


@pytest.mark.parametrize(
    ("embedding", "told"),
    [
        ("off", ""),
        ("fake", ""),
        ("bge-small-en-v1.5", "bge-small-en-v1.5 is not installed; run `prismd models pull bge"),
        ("clip", "a model for image, not for embedding"),
    ],
)
def test_what_keeps_meaning_from_being_found_is_said(
    tmp_path: Path, embedding: str, told: str
) -> None:
    models = Models(ModelSettings(tmp_path, embedding))
    said = models.without_meaning()
    assert told in said
    assert bool(said) is bool(told)
    models.close()


def test_what_was_fetched_meanwhile_waits_for_the_next_start(tmp_path: Path) -> None:
    models = Models(ModelSettings(tmp_path, image="off", speech="off"))
    assert "models pull" in models.without_meaning()
    entry = catalog.find("bge-small-en-v1.5")
    (tmp_path / entry.name).mkdir()
    for file in entry.files:
        with (tmp_path / entry.name / file.name).open("wb") as stream:
            stream.truncate(file.size_bytes)
    told = "is here now, and is used once prismd is started anew"
    assert models.states()["embedding"].detail == told
    assert models.states()["embedding"].state == "missing"
    assert models.without_meaning() == f"bge-small-en-v1.5 {told}"
    assert "models pull" in models.states()["reranking"].detail
    models.close()


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("image", "run `prismd models pull clip`; until then pictures are found by their words"),
        ("speech", "run `prismd models pull whisper`; until then recordings are found by their"),
    ],
)
def test_what_waits_for_a_model_is_said_with_the_command(
    tmp_path: Path, role: Role, told: str
) -> None:
    models = Models(ModelSettings(tmp_path))
    assert models.states()[role].detail.startswith(told)
    models.close()


@pytest.mark.parametrize(("image", "speech"), [("clip", "whisper"), ("whisper", "clip")])
def test_short_names_serve_in_settings(tmp_path: Path, image: str, speech: str) -> None:
    models = Models(ModelSettings(tmp_path, image=image, speech=speech))
    right = image == "clip"
    assert states(models)["image"] == ("missing" if right else "error")
    assert states(models)["speech"] == ("missing" if right else "error")
    if not right:
        assert "for speech, not for image" in models.states()["image"].detail
    models.close()


def test_the_fakes_are_loaded_by_name(tmp_path: Path) -> None:
    models = Models(ModelSettings(tmp_path, "fake", "fake", "fake", "fake", "fake"))
    assert models.embedder is not None
    assert models.reranker is not None
    assert models.generator is not None
    assert models.images is not None
    assert models.transcriber is not None
    assert models.embedder.embed_passages(["a", "b"]).shape == (2, 64)
    assert models.reranker.score("a", ["a"]).shape == (1,)
    assert list(models.generator.generate([Message("user", "hi")], Sampling()))
    assert set(states(models).values()) == {"loaded"}
    models.close()


def test_a_role_can_be_switched_off(tmp_path: Path) -> None:
    models = Models(ModelSettings(tmp_path, "fake", "off", "", "off", ""))
    assert (models.reranker, models.generator) == (None, None)
    assert (models.images, models.transcriber) == (None, None)
    assert states(models) == {
        "embedding": "loaded",
        "reranking": "off",
        "generation": "off",
        "image": "off",
        "speech": "off",
    }
    assert models.states()["image"].detail == "switched off by [models] image"
    models.close()


def test_an_unknown_model_is_an_error_of_its_role_only(tmp_path: Path) -> None:
    models = Models(ModelSettings(tmp_path, "no-such-model", "fake", "fake"))
    assert models.embedder is None
    assert states(models)["embedding"] == "error"
    assert "known are" in models.states()["embedding"].detail
    assert models.reranker is not None
    models.close()


def test_a_model_of_another_role_is_an_error(tmp_path: Path) -> None:
    models = Models(ModelSettings(tmp_path, "ms-marco-MiniLM-L-12-v2", "off", "off"))
    assert "for reranking, not for embedding" in models.states()["embedding"].detail
    models.close()


def test_remote_engines_are_named_with_their_address(
    tmp_path: Path, openai_server: OpenAIServer
) -> None:
    address = openai_server.base_url
    models = Models(
        ModelSettings(
            tmp_path,
            "theirs",
            "off",
            "theirs",
            embedding_base_url=address,
            embedding_dim=64,
            generation_base_url=address,
        )
    )
    assert models.embedder is not None
    assert models.embedder.embed_query("x").shape == (64,)
    state = models.states()["generation"]
    assert (state.name, state.state, state.detail) == ("theirs", "remote", address)
    models.close()


def test_a_remote_embedder_of_unknown_width_is_an_error(tmp_path: Path) -> None:
    settings = ModelSettings(tmp_path, embedding_base_url="http://127.0.0.1:1/v1")
    models = Models(settings)
    assert models.embedder is None
    assert "[embedding] dim" in models.states()["embedding"].detail
    models.close()


def test_weights_that_vanish_are_missing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").touch()  # found, and never imported here
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "my.gguf"
    path.write_bytes(b"GGUF")
    add("mine", path, tmp_path / "models")
    models = Models(ModelSettings(tmp_path / "models", "off", "off", "mine"))
    assert states(models)["generation"] == "ready"
    path.unlink()
    assert states(models)["generation"] == "missing"
    models.close()


def test_a_model_that_nothing_here_can_run_is_told_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my.gguf"
    path.write_bytes(b"GGUF")
    add("mine", path, tmp_path / "models")
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    models = Models(ModelSettings(tmp_path / "models", "off", "off", "mine"))
    assert models.generator is None
    state = models.states()["generation"]
    assert state.state == "missing"
    assert "run `pip install 'prismd[llama]'`; until then" in state.detail
    models.close()


@pytest.mark.models
def test_real_models_are_ready_then_loaded_then_idle(onnx_weights: Path) -> None:
    settings = ModelSettings(onnx_weights, generation="off", threads=1)
    models = Models(settings)
    assert states(models)["embedding"] == "ready"
    assert models.embedder is not None
    models.embedder.embed_query("x")
    assert states(models)["embedding"] == "loaded"
    assert states(models)["reranking"] == "ready"
    models.close()
    assert states(models)["embedding"] == "ready"


@pytest.mark.models
def test_a_model_that_cannot_be_loaded_says_why(onnx_weights: Path) -> None:
    settings = ModelSettings(onnx_weights, generation="off", provider="no-such-provider")
    models = Models(settings)
    assert models.embedder is not None
    with pytest.raises(Exception, match="no provider"):
        models.embedder.embed_query("x")
    assert states(models)["embedding"] == "error"
    models.close()


@pytest.mark.export
def test_a_model_of_pictures_is_ready_then_loaded_then_idle(clip_models: Path) -> None:
    models = Models(ModelSettings(clip_models, "off", "off", "off", "clip-int8", "off"))
    assert states(models)["image"] == "ready"
    assert models.images is not None
    assert models.images.embed_texts(["a dog"]).shape == (1, models.images.space.dim)
    assert states(models)["image"] == "loaded"
    models.close()
    assert states(models)["image"] == "ready"


def test_settings_are_data() -> None:
    settings = ModelSettings(Path("/models"))
    assert msgspec.structs.asdict(settings)["threads"] == 0
