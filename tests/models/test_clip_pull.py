"""CLIP from the hub: one command brings all that the role needs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from prismd.errors import ModelError
from prismd.models.added import entries
from prismd.models.catalog import find
from prismd.models.clip import ClipEmbedder
from prismd.models.download import Network
from prismd.models.entry import HuggingFace, ModelEntry
from prismd.models.fetch import fetch
from prismd.models.installed import presence, verified
from tests.models.hub_server import Hub

CLIP = find("clip")
NETWORK = Network(attempts=1)


def served(hub: Hub, contents: dict[str, bytes], source: int = 0) -> ModelEntry:
    """CLIP's entry for files of other bytes, at the addresses of the real ones."""
    files = []
    for file in CLIP.files:
        place = file.sources[source]
        assert isinstance(place, HuggingFace)
        content = contents[file.name]
        hub.put(f"{place.repo}/{place.path}", content, place.revision)
        digest = hashlib.sha256(content).hexdigest()
        files.append(msgspec.structs.replace(file, sha256=digest, size_bytes=len(content)))
    return msgspec.structs.replace(CLIP, files=tuple(files))


@pytest.mark.parametrize("source", [0, 1])
def test_every_file_comes_from_the_hub_at_a_fixed_revision(
    hub: Hub, tmp_path: Path, source: int
) -> None:
    contents = {file.name: file.name.encode() for file in CLIP.files}
    entry = served(hub, contents, source)
    fetch([entry], tmp_path, network=NETWORK)
    assert presence(entry, tmp_path) == "present"
    assert {name: path.read_bytes() for name, path in verified(entry, tmp_path).items()} == contents


def test_other_bytes_than_the_catalogues_are_not_taken(hub: Hub, tmp_path: Path) -> None:
    served(hub, {file.name: bytes(100) for file in CLIP.files})
    with pytest.raises(ModelError, match="expected 87461602 bytes, the server has 100"):
        fetch([CLIP], tmp_path, network=NETWORK)
    assert presence(CLIP, tmp_path) == "missing"
    assert not list((tmp_path / CLIP.name).glob("*.onnx"))


@pytest.mark.export
def test_pulled_towers_embed_pictures_and_texts(
    hub: Hub, clip_models: Path, tmp_path: Path
) -> None:
    own = find("clip-int8", entries(clip_models))
    contents = {name: path.read_bytes() for name, path in verified(own, clip_models).items()}
    entry = msgspec.structs.replace(served(hub, contents), dim=own.dim, edge_px=own.edge_px)
    fetch([entry], tmp_path, network=NETWORK)
    pulled = ClipEmbedder(entry, tmp_path, threads=1)
    exported = ClipEmbedder(own, clip_models, threads=1)
    pixels = np.full((1, 32, 32, 3), 90, dtype=np.uint8)
    assert np.array_equal(pulled.embed_images(pixels), exported.embed_images(pixels))
    assert np.array_equal(pulled.embed_texts(["a dog"]), exported.embed_texts(["a dog"]))
    pulled.close()
    exported.close()
