from __future__ import annotations

import json
from pathlib import Path

import pytest

from prismd.errors import ModelError
from prismd.models.added import add, adopt, entries, remove
from prismd.models.catalog import CATALOG, find
from prismd.models.fetch import fetch
from prismd.models.installed import presence, verified


def gguf(folder: Path, content: bytes = b"GGUF and more") -> Path:
    path = folder / "my.gguf"
    path.write_bytes(content)
    return path


def onnx_folder(folder: Path, **config: object) -> Path:
    path = folder / "onnx-model"
    path.mkdir()
    (path / "model.onnx").write_bytes(b"weights")
    (path / "tokenizer.json").write_text("{}")
    settings = {"hidden_size": 8, "max_position_embeddings": 256, **config}
    (path / "config.json").write_text(json.dumps(settings))
    return path


def test_a_gguf_is_registered_hashed_and_found(tmp_path: Path) -> None:
    models = tmp_path / "models"
    path = gguf(tmp_path)
    entry = add("mine", path, models)
    assert find("mine", entries(models)) == entry
    assert entry.role == "generation"
    assert verified(entry, models)["model.gguf"].read_bytes() == path.read_bytes()


def test_an_onnx_folder_is_read_for_its_role_and_width(tmp_path: Path) -> None:
    entry = add("mine", onnx_folder(tmp_path), tmp_path / "models", query_prefix="query: ")
    assert (entry.role, entry.dim, entry.max_tokens) == ("embedding", 8, 256)
    assert (entry.pooling, entry.query_prefix) == ("mean", "query: ")


def test_a_classifier_is_a_reranker(tmp_path: Path) -> None:
    folder = onnx_folder(tmp_path, architectures=["BertForSequenceClassification"])
    assert add("mine", folder, tmp_path / "models").role == "reranking"


def test_the_length_and_prompts_of_sentence_transformers_are_kept(tmp_path: Path) -> None:
    folder = onnx_folder(tmp_path)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 128}')
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    entry = add("mine", folder, tmp_path / "models")
    assert (entry.max_tokens, entry.query_prefix) == (128, "query: ")
    assert entry.passage_prefix == "passage: "
    assert add("mine", folder, tmp_path / "models", query_prefix="Q ").query_prefix == "Q "


def test_pooling_that_prismd_does_not_do_is_refused(tmp_path: Path) -> None:
    folder = onnx_folder(tmp_path)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": false}')
    with pytest.raises(ModelError, match="pools neither"):
        add("mine", folder, tmp_path / "models")


def clip_folder(folder: Path) -> Path:
    path = folder / "clip-model"
    (path / "onnx").mkdir(parents=True)
    (path / "onnx" / "vision_model_quantized.onnx").write_bytes(b"eyes")
    (path / "onnx" / "text_model.onnx").write_bytes(b"words, exact")
    (path / "onnx" / "text_model_quantized.onnx").write_bytes(b"words")
    (path / "tokenizer.json").write_text("{}")
    config = {"model_type": "clip", "projection_dim": 16, "vision_config": {"image_size": 96}}
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_a_clip_folder_as_the_hub_has_it_serves_images(tmp_path: Path) -> None:
    folder, models = clip_folder(tmp_path), tmp_path / "models"
    entry = add("mine", folder, models)
    assert (entry.role, entry.engine, entry.dim) == ("image", "onnx", 16)
    assert (entry.edge_px, entry.max_tokens) == (96, 77)
    files = verified(entry, models)
    assert files["vision_model.onnx"].read_bytes() == b"eyes"
    assert files["text_model.onnx"].read_bytes() == b"words"
    assert "preprocessor_config.json" not in files
    (folder / "preprocessor_config.json").write_text("{}")
    assert "preprocessor_config.json" in verified(add("mine", folder, models), models)


def test_a_clip_folder_without_a_tower_is_refused(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path)
    (folder / "onnx" / "vision_model_quantized.onnx").unlink()
    with pytest.raises(ModelError, match=r"holds no vision_model\.onnx.*prismd models export"):
        add("mine", folder, tmp_path / "models")


def test_a_model_that_prismd_made_is_moved_in(tmp_path: Path) -> None:
    folder, models = onnx_folder(tmp_path), tmp_path / "models"
    entry = adopt("mine", folder, models, note="made today")
    assert find("mine", entries(models)) == entry
    assert entry.note == "made today"
    assert not (folder / "model.onnx").exists()
    assert verified(entry, models)["model.onnx"].read_bytes() == b"weights"
    assert not (models / "mine" / "model.onnx").is_symlink()


def test_a_made_model_whose_file_is_lost_is_to_be_made_again(tmp_path: Path) -> None:
    models = tmp_path / "models"
    entry = adopt("mine", onnx_folder(tmp_path), models, note="made today")
    (models / "mine" / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"mine: model\.onnx .*export it again"):
        fetch([entry], models)


def test_the_pooling_of_sentence_transformers_is_kept(tmp_path: Path) -> None:
    folder = onnx_folder(tmp_path)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert add("mine", folder, tmp_path / "models").pooling == "cls"


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_folder_without_a_needed_file_is_refused(tmp_path: Path, missing: str) -> None:
    folder = onnx_folder(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=missing.replace(".", r"\.")):
        add("mine", folder, tmp_path / "models")


@pytest.mark.parametrize("content", [b"", b"PK zip", b"GGU"])
def test_what_is_no_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError, match="not a GGUF file"):
        add("mine", gguf(tmp_path, content), tmp_path / "models")


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        add("mine", tmp_path / "nowhere.gguf", tmp_path / "models")


@pytest.mark.parametrize(
    "name", ["", "../up", "a/b", ".hidden", "fake", "bge-small-en-v1.5", "clip"]
)
def test_an_unfit_or_taken_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        add(name, gguf(tmp_path), tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_adding_again_takes_the_new_file(tmp_path: Path) -> None:
    models = tmp_path / "models"
    add("mine", gguf(tmp_path), models)
    entry = add("mine", gguf(tmp_path, b"GGUF but other bytes"), models)
    assert entries(models) == (*CATALOG, entry)
    assert verified(entry, models)["model.gguf"].read_bytes() == b"GGUF but other bytes"


def test_removing_forgets_the_model_and_leaves_the_users_file(tmp_path: Path) -> None:
    models = tmp_path / "models"
    path = gguf(tmp_path)
    entry = add("mine", path, models)
    remove("mine", models)
    assert path.exists()
    assert presence(entry, models) == "missing"
    assert entries(models) == CATALOG


def test_removing_a_fetched_model_frees_its_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "bge-small-en-v1.5"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(bytes(1000))
    assert remove("bge-small-en-v1.5", tmp_path) == 1000
    assert not folder.exists()


def test_a_short_name_removes_what_it_stands_for(tmp_path: Path) -> None:
    folder = tmp_path / find("clip").name
    folder.mkdir()
    (folder / "vision_model.onnx").write_bytes(bytes(10))
    assert remove("clip", tmp_path) == 10
    assert not folder.exists()


@pytest.mark.parametrize("name", ["no-such-model", "bge-small-en-v1.5", ".."])
def test_removing_what_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="nothing to remove"):
        remove(name, tmp_path)


def test_an_unreadable_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "added.json").write_text("{")
    with pytest.raises(ModelError, match=r"added\.json: unreadable"):
        entries(tmp_path)
