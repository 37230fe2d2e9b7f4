from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from prismd.cli.doctor.models import engine, judge, look, verified
from prismd.config.options import Config, Models
from prismd.models.entry import ModelEntry, ModelFile
from prismd.models.load import ModelState

WEIGHTS = b"weights" * 1000
ENTRY = ModelEntry(
    name="tiny",
    role="embedding",
    engine="onnx",
    files=(ModelFile("model.onnx", len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest(), ()),),
    max_tokens=128,
    licence="MIT",
)
PULL = "run `prismd models pull tiny`"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """With the weights in place."""
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(WEIGHTS)
    return Config(data_dir=tmp_path / "data", models=Models(dir=tmp_path / "models"))


@pytest.fixture
def weights(config: Config) -> Path:
    return config.models_dir / "tiny" / "model.onnx"


def test_right_weights_are_well_and_nothing_is_written(config: Config, weights: Path) -> None:
    verdict = verified(config, "embedding", ENTRY, anew=False)
    assert (verdict.level, verdict.detail) == ("ok", "tiny (checksum right)")
    assert [path.name for path in weights.parent.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("damaged", [WEIGHTS[:-1], b"other!!" * 1000])
def test_damaged_weights_are_told_and_left_alone(
    config: Config, weights: Path, damaged: bytes
) -> None:
    weights.write_bytes(damaged)
    verdict = verified(config, "embedding", ENTRY, anew=False)
    assert verdict.level == "problem"
    assert verdict.detail.startswith("tiny: model.onnx is damaged (expected ")
    assert verdict.remedy == PULL
    assert weights.read_bytes() == damaged


def test_weights_that_went_away_are_told(config: Config, weights: Path) -> None:
    weights.unlink()
    verdict = verified(config, "embedding", ENTRY, anew=False)
    assert (verdict.level, verdict.remedy) == ("problem", PULL)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_weights_that_may_not_be_read_are_told(config: Config, weights: Path) -> None:
    weights.chmod(0)
    verdict = verified(config, "embedding", ENTRY, anew=False)
    assert verdict.remedy == f"allow yourself to read {weights}"


@pytest.mark.parametrize(
    ("state", "needed", "level"),
    [
        (ModelState("bge", "missing", "pull it"), True, "problem"),
        (ModelState("bge", "missing", "pull it"), False, "note"),
        (ModelState("bge", "error", "mend it"), False, "problem"),
        (ModelState("", "off", "switched off"), True, "ok"),
        (ModelState("gpt", "remote", "http://127.0.0.1"), True, "ok"),
    ],
)
def test_a_role_is_judged_by_whether_it_can_be_missed(
    state: ModelState, needed: bool, level: str
) -> None:
    verdict = judge("embedding", state, needed=needed)
    assert verdict.level == level
    assert verdict.remedy == (state.detail if level != "ok" else "")


def test_every_missing_model_comes_with_its_command(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path / "data", models=Models(dir=tmp_path / "none"))
    found = {v.what: v for v in look(config, fresh=False, anew=False)}
    assert found["embedding"].level == "problem"
    assert {v.level for what, v in found.items() if what != "embedding"} == {"note"}
    assert all("run `prismd models pull " in v.remedy for v in found.values())
    fresh = look(config, fresh=True, anew=False)
    assert {verdict.level for verdict in fresh} == {"note"}
    assert not (tmp_path / "none").exists()


def test_an_unknown_model_is_a_problem(tmp_path: Path) -> None:
    wrong = Models(dir=tmp_path, reranking="bogus")
    found = {
        v.what: v for v in look(Config(data_dir=tmp_path, models=wrong), fresh=True, anew=False)
    }
    assert found["reranking"].level == "problem"
    assert "bogus" in found["reranking"].remedy


@pytest.mark.models
def test_real_weights_are_read_again_when_asked(models_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "models" / "bge-small-en-v1.5"
    shutil.copytree(models_dir / "bge-small-en-v1.5", copy)
    config = Config(data_dir=tmp_path / "data", models=Models(dir=tmp_path / "models"))

    def detail(*, anew: bool) -> str:
        return next(iter(look(config, fresh=False, anew=anew))).detail

    assert detail(anew=True) == "bge-small-en-v1.5 (checksum right)"
    model = copy / "model.onnx"
    times = model.stat()
    with model.open("r+b") as stream:  # as a failing disk would
        stream.seek(1000)
        stream.write(b"\xa5")
    os.utime(model, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "is damaged" in detail(anew=True)


@pytest.mark.parametrize(
    ("code", "level", "detail", "remedy"),
    [
        ("pass", "ok", "loads", ""),
        ("import no_such_engine", "problem", "is not installed", "-m pip install 'llama-cpp-py"),
        ("raise OSError('no libgomp')", "problem", "no libgomp", "build it anew"),
        ("import os; os.kill(os.getpid(), 4)", "problem", "a signal ended it: 4", "GGML_NATIVE"),
    ],
)
def test_an_engine_that_does_not_load_is_told(
    code: str, level: str, detail: str, remedy: str
) -> None:
    found = engine(code)
    assert found.level == level
    assert detail in found.detail
    assert remedy in found.remedy
