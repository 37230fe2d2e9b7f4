from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from prismd.errors import ModelError
from prismd.models.added import add, entries, remove
from prismd.models.catalog import find
from prismd.models.export import export
from prismd.models.export_agreement import Agreement
from prismd.models.installed import presence, verified

NO_EXTRA = importlib.util.find_spec("optimum") is None


@pytest.fixture(scope="session")
def small_sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers checkpoint: BERT of two layers with random weights."""
    import tokenizers
    import torch
    from tokenizers import normalizers, pre_tokenizers, processors
    from tokenizers.models import WordPiece
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("sentences") / "small-sentences"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "red", "dog", "photo", "of", "a", "in"]
    words += [chr(code) for code in range(0x21, 0x7F)] + [f"##{chr(c)}" for c in range(97, 123)]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = tokenizers.Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    BertTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    torch.manual_seed(4)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    model = BertModel(config)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.mul_(4.0)
    model.save_pretrained(folder)
    write_json(folder / "modules.json", [{"type": "sentence_transformers.models.Transformer"}])
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 128})
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "query: "}})
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.mark.skipif(not NO_EXTRA, reason="the extra is installed")
def test_without_the_extra_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"pip install 'prismd\[export\]'"):
        export(str(tmp_path), tmp_path / "models", name="mine")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", ["clip", "bge-small-en-v1.5", "a/b", ".hidden", "fake"])
def test_a_name_that_is_taken_is_refused_before_any_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"taken|not a name"):
        export(str(tmp_path), tmp_path / "models", name=name)


def test_int8_may_differ_more_than_fp32() -> None:
    assert Agreement("fp32", "texts", 1.0, 1.0).bound == 0.99
    assert Agreement("int8", "texts", 1.0, 1.0).bound == 0.95


@pytest.mark.export
@pytest.mark.parametrize("quantize", [False, True])
def test_a_sentence_model_is_exported_compared_and_added(
    small_sentences: Path, tmp_path: Path, quantize: bool
) -> None:
    from prismd.models.onnx import OnnxEmbedder

    steps: list[str] = []
    made = export(str(small_sentences), tmp_path, quantize=quantize, say=steps.append)
    forms = ["fp32", "int8"] if quantize else ["fp32"]
    assert [(found.form, found.probes) for found in made.agreements] == [
        (form, "texts") for form in forms
    ]
    assert all(found.bound <= found.least <= found.mean <= 1.0001 for found in made.agreements)
    entry = find("small-sentences", entries(tmp_path))
    assert entry == made.entry
    assert (entry.role, entry.dim, entry.max_tokens) == ("embedding", 32, 128)
    assert (entry.pooling, entry.query_prefix) == ("cls", "query: ")
    assert entry.note == f"exported from {small_sentences}, {forms[-1]}"
    embedder = OnnxEmbedder(entry, tmp_path, threads=1)
    red, dog = embedder.embed_passages(["the red", "a dog in a photo"])
    assert np.linalg.norm(red) == pytest.approx(1.0, abs=1e-5)
    assert red @ dog < 0.999
    embedder.close()
    assert "exporting to ONNX" in steps
    assert not list(tmp_path.glob(".export-*"))


@pytest.mark.export
def test_int8_is_smaller(clip_models: Path) -> None:
    small, exact = (find(name, entries(clip_models)) for name in ("clip-int8", "clip-fp32"))
    assert small.size_bytes < 0.6 * exact.size_bytes
    assert small.space != exact.space


@pytest.mark.export
def test_an_exported_clip_is_known_with_all_that_its_role_needs(clip_models: Path) -> None:
    entry = find("clip-int8", entries(clip_models))
    assert (entry.role, entry.dim, entry.edge_px, entry.max_tokens) == ("image", 32, 32, 77)
    assert 0 < entry.least_similarity < 1
    assert [file.name for file in entry.files] == [
        *("vision_model.onnx", "text_model.onnx", "tokenizer.json")
    ]
    assert verified(entry, clip_models).keys() == {file.name for file in entry.files}


@pytest.mark.export
def test_exporting_again_replaces_and_removing_frees(small_clip: Path, tmp_path: Path) -> None:
    export(str(small_clip), tmp_path, name="mine")
    made = export(str(small_clip), tmp_path, name="mine", quantize=False)
    assert [entry.name for entry in entries(tmp_path)].count("mine") == 1
    assert presence(made.entry, tmp_path) == "present"
    assert remove("mine", tmp_path) > made.entry.size_bytes * 0.99
    assert not (tmp_path / "mine").exists()
    with pytest.raises(ModelError):
        find("mine", entries(tmp_path))


@pytest.mark.export
def test_towers_of_ones_own_making_can_be_added(clip_models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "towers"
    shutil.copytree(clip_models / "clip-fp32", folder)
    write_json(
        folder / "config.json",
        {
            "model_type": "clip",
            "projection_dim": 32,
            "vision_config": {"image_size": 32},
            "text_config": {"max_position_embeddings": 77},
        },
    )
    entry = add("mine", folder, tmp_path / "models")
    assert (entry.role, entry.dim, entry.edge_px) == ("image", 32, 32)
    assert (tmp_path / "models" / "mine" / "text_model.onnx").is_symlink()


@pytest.mark.export
def test_pickles_are_not_opened(small_clip: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "pickled"
    shutil.copytree(small_clip, checkpoint)
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(ModelError, match="opens no pickles"):
        export(str(checkpoint), tmp_path / "models")
    assert entries(tmp_path / "models") == entries(tmp_path)


@pytest.mark.export
def test_code_of_a_checkpoint_is_not_run(small_sentences: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "coded"
    shutil.copytree(small_sentences, checkpoint)
    trace = tmp_path / "trace"
    (checkpoint / "own.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Own: pass\n")
    config = json.loads((checkpoint / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    write_json(checkpoint / "config.json", config)
    with pytest.raises(ModelError, match="coded"):
        export(str(checkpoint), tmp_path / "models")
    assert not trace.exists()


@pytest.mark.export
def test_further_layers_are_refused(small_sentences: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "dense"
    shutil.copytree(small_sentences, checkpoint)
    write_json(checkpoint / "modules.json", [{"type": "sentence_transformers.models.Dense"}])
    with pytest.raises(ModelError, match="has a Dense layer"):
        export(str(checkpoint), tmp_path / "models")


@pytest.mark.export
def test_a_wrong_pooling_is_refused(small_sentences: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "by-maximum"
    shutil.copytree(small_sentences, checkpoint)
    write_json(checkpoint / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": False})
    with pytest.raises(ModelError, match="pools neither"):
        export(str(checkpoint), tmp_path / "models")


@pytest.mark.export
@pytest.mark.parametrize("source", ["/nowhere/at/all", "./nowhere", "nowhere", "a/b/c", "~/gone"])
def test_a_path_that_is_not_there_asks_no_hub(tmp_path: Path, source: str) -> None:
    with pytest.raises(ModelError, match="neither a folder nor"):
        export(source, tmp_path / "models", name="mine")


@pytest.mark.export
def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="empty"):
        export(str(tmp_path / "empty"), tmp_path / "models")


@pytest.mark.export
def test_an_export_that_is_too_far_from_the_original_is_not_added(
    small_clip: Path, tmp_path: Path
) -> None:
    from prismd.models.export_check import Original, agreement, probe_pictures
    from prismd.models.export_graph import Checkpoint

    opened = Checkpoint.open(small_clip)
    original = Original(opened, 77)
    # Another picture in its place is what a wrong preprocessing would look like.
    original.pixels = probe_pictures(32)[::-1].copy()
    opened.export(tmp_path / "fp32")
    found = {each.probes: each for each in agreement(original, tmp_path / "fp32")}
    assert found["texts"].least > found["texts"].bound
    assert found["pictures"].least < found["pictures"].bound
