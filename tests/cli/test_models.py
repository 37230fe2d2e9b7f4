"""``models``: fetching, exporting, and what is said of roles that wait for weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.models.catalog import find
from prismd.models.entry import HuggingFace
from tests.cli.harness import Place
from tests.models.hub_server import Hub
from tests.models.snapshot_server import serving

CLIP = find("clip")
WAITING = {"PRISMD_MODELS_IMAGE": "clip", "PRISMD_MODELS_SPEECH": "whisper-base"}
NO_EXTRA = importlib.util.find_spec("optimum") is None


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


def test_the_list_says_what_waits_for_which_command(place: Place) -> None:
    shown = place.run("models", "list", env=WAITING).splitlines()
    assert any(line.startswith("image: run `prismd models pull clip`; until") for line in shown)
    assert any(line.startswith("speech: run `prismd models pull whisper`;") for line in shown)
    assert not any(line.startswith(("image:", "speech:")) for line in _lines(place))


def _lines(place: Place) -> list[str]:
    return place.run("models", "list").splitlines()


def test_the_doctor_says_so_too_and_finds_nothing_wrong(place: Place) -> None:
    found = {each["what"]: each for each in place.json("doctor", env=WAITING)}
    assert (found["image"]["detail"], found["image"]["level"]) == ("clip (missing)", "note")
    assert "prismd models pull clip" in found["image"]["remedy"]
    assert found["image"]["well"]
    assert "prismd models pull whisper" in found["speech"]["remedy"]


def test_the_doctor_shows_what_reads_the_words_on_pictures(place: Place) -> None:
    found = {each["what"]: each for each in place.json("doctor")}
    assert found["text recognition"]["detail"].startswith("tesseract ")
    place.config.write_text(f'{place.config.read_text()}\nocr_languages = ["eng", "epo", "tlh"]\n')
    told = [each for each in place.json("doctor") if each["what"] == "text recognition"]
    assert [each["detail"].rpartition("; ")[2] for each in told] == [
        "none is called tlh",
        "no data for epo",
    ]
    assert "epo" in told[1]["remedy"]


def test_the_doctor_does_without_tesseract(place: Place) -> None:
    found = {each["what"]: each for each in place.json("doctor", env={"PATH": "/nowhere"})}
    assert found["text recognition"]["detail"] == "tesseract is not installed"
    assert "install tesseract" in found["text recognition"]["remedy"]
    assert found["text recognition"]["well"]


def test_clip_is_asked_of_the_hub_by_its_short_name(place: Place, hub: Hub) -> None:
    environment = {"HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1"}
    shown = place.run("models", "pull", "clip", exit_code=1, env=environment)
    source = CLIP.files[0].sources[0]
    assert isinstance(source, HuggingFace)
    assert hub.seen[0].path == f"/{source.repo}/resolve/{source.revision}/{source.path}"
    assert "clip-vit-base-patch16: vision_model.onnx could not be fetched" in shown


@pytest.mark.skipif(not NO_EXTRA, reason="the extra is installed")
def test_exporting_without_the_extra_names_what_to_install(place: Place) -> None:
    (place.root / "checkpoint").mkdir()
    shown = place.run("models", "export", place.root / "checkpoint", exit_code=1)
    assert "pip install 'prismd[export]'" in shown


@pytest.mark.export
def test_a_checkpoint_is_exported_shown_and_used(place: Place, tmp_path: Path) -> None:
    from tests.models.clip_checkpoint import write_checkpoint

    checkpoint = write_checkpoint(tmp_path / "Small CLIP")
    shown = place.run("models", "export", checkpoint)
    assert 'small-clip: added for image; set image = "small-clip" under [models]' in shown
    assert shown.count("cosine with the original") == 4
    rows = {row["name"]: row for row in place.json("models", "list")}
    assert (rows["small-clip"]["role"], rows["small-clip"]["state"]) == ("image", "present")
    found = {
        each["what"]: each
        for each in place.json("doctor", env={"PRISMD_MODELS_IMAGE": "small-clip"})
    }
    assert found["image"]["detail"] == "small-clip (checksum right)"
    assert place.run("models", "remove", "small-clip") == "small-clip: removed\n"


@pytest.mark.export
def test_a_repository_is_fetched_without_pickles_and_code(place: Place, tmp_path: Path) -> None:
    from tests.models.clip_checkpoint import write_checkpoint

    repository = write_checkpoint(tmp_path / "repository")
    for unwanted in ("pytorch_model.bin", "own.py", "onnx/model.onnx", "onnx/config.json"):
        (repository / unwanted).parent.mkdir(exist_ok=True)
        (repository / unwanted).write_bytes(b"unwanted")
    with serving("owner/Small-CLIP", repository) as hub:
        environment = {"HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1"}
        shown = place.run("models", "export", "owner/Small-CLIP", "--no-quantize", env=environment)
        missing = place.run("models", "export", "owner/gone", exit_code=1, env=environment)
    assert "small-clip: added for image" in shown
    assert sorted(hub.fetched) == [
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    ]
    assert "owner/gone: could not be fetched" in missing
